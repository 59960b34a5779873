"""`python -m models.training.tune`."""

import sys

from models.errors import how_to_install


def _run() -> int:
    try:
        from models.training.tune.run import main  # noqa: PLC0415 - torch is an extra
    except ModuleNotFoundError as error:
        sys.stderr.write(f"training needs {error.name}, which is not installed; {how_to_install('train')}\n")
        return 2
    return main()


if __name__ == "__main__":
    sys.exit(_run())

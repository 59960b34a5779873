"""Set this project up in .venv: `python3 install.py [train] [eval] [test]`, with nothing but Python 3.11."""

import hashlib
import os
import pathlib
import platform
import ssl
import subprocess
import sys
import tempfile
import urllib.request
import venv

HOME = pathlib.Path(__file__).resolve().parent
ENVIRONMENT = HOME / ".venv"
PYTHON = ENVIRONMENT / "bin" / "python"
EXTRAS = ("train", "eval", "test")
OLDEST = (3, 11)

# Debian's python3 comes without pip and without ensurepip.
PIP_WHEEL = (
    "https://files.pythonhosted.org/packages/07/25/"
    "ee8c38ae72d66b844ce8eb9711ba905dba21ca1a8a0c960057c41cd23337/pip-26.3-py3-none-any.whl"
)
PIP_SHA256 = "f3b60b20ffaadd4415ed7957212a38ac63fa4c5fa375bd0f4a797777940fad13"

# The ordinary Linux build of torch brings gigabytes of CUDA libraries; this one does without.
TORCH_FOR_CPU = "https://download.pytorch.org/whl/cpu"
TORCH = "torch==2.13.0"


def main() -> None:
    """Make the environment and install the project and the extras named on the command line."""
    extras = sys.argv[1:]
    if sys.version_info < OLDEST:
        sys.exit("install.py: this is Python %d.%d; run it with Python 3.11 or newer" % sys.version_info[:2])
    unknown = [extra for extra in extras if extra not in EXTRAS]
    if unknown:
        sys.exit("install.py: unknown extra " + repr(unknown[0]) + "; choose from " + ", ".join(EXTRAS))
    make_environment()
    if extras and wants_small_torch():
        pip("install", "--retries", "1", "--index-url", TORCH_FOR_CPU, TORCH)
    project = str(HOME) + ("[" + ",".join(extras) + "]" if extras else "")
    if pip("install", "--editable", project) != 0:
        sys.exit("install.py: pip could not install the project; its last lines say why")
    mend_pedalboard()


def make_environment() -> None:
    """Make .venv with pip in it, unless a working one is there."""
    if PYTHON.exists() and pip("--version", quiet=True) == 0:
        return
    venv.EnvBuilder(with_pip=False, clear=True, symlinks=True).create(ENVIRONMENT)
    if run("-m", "ensurepip", "--default-pip", quiet=True) != 0:
        install_pip()


def install_pip() -> None:
    """Fetch the pip wheel, check its hash, and let it install itself."""
    # A bare Debian has no certificates either. The hash says whether this is pip, which brings its own.
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with urllib.request.urlopen(PIP_WHEEL, timeout=60, context=context) as answer:
            wheel = answer.read()
    except OSError as error:
        sys.exit("install.py: pip cannot be fetched (%s); try: apt-get install python3-venv" % error)
    if hashlib.sha256(wheel).hexdigest() != PIP_SHA256:
        sys.exit("install.py: the pip that came has another hash; try: apt-get install python3-venv")
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / PIP_WHEEL.rpartition("/")[2]
        file.write_bytes(wheel)
        if run(str(file / "pip"), "install", "--quiet", "--no-index", str(file)) != 0:
            sys.exit("install.py: pip could not be set up in .venv; remove the folder and try again")


def mend_pedalboard() -> None:
    """Let pedalboard load on a Linux without libatomic.so.1, a library that it names but calls nothing in."""
    for folder in ENVIRONMENT.glob("lib/python3*/site-packages/pedalboard.libs"):
        # The loader looks here first, and for the name only: any library that pedalboard loads anyway does.
        name = folder / "libatomic.so.1"
        name.unlink(missing_ok=True)
        neighbours = sorted(folder.glob("libbz2-*"))
        if neighbours and run("-c", "import pedalboard", quiet=True) != 0:
            name.symlink_to(neighbours[0].name)


def wants_small_torch() -> bool:
    """Tell whether torch is still missing here, on a Linux machine that has no NVIDIA card."""
    if platform.system() != "Linux" or pathlib.Path("/proc/driver/nvidia").exists():
        return False
    return run("-c", "import torch", quiet=True) != 0


def pip(*arguments: str, quiet: bool = False) -> int:
    """Run pip in the environment and return its exit status."""
    return run("-m", "pip", *arguments, quiet=quiet)


def run(*arguments: str, quiet: bool = False) -> int:
    """Run the environment's Python and return its exit status."""
    output = subprocess.DEVNULL if quiet else None
    environment = {
        **os.environ,
        "PYTHONWARNINGS": "ignore",
    }  # setuptools warns of what rooms.py takes care of
    command = [str(PYTHON), *arguments]
    return subprocess.run(command, stdout=output, stderr=output, env=environment, check=False).returncode


if __name__ == "__main__":
    main()

"""One run at a time makes a plan: the lock that says so."""

from __future__ import annotations

import contextlib
import hashlib
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from plugin_bridge.errors import PlanError

if TYPE_CHECKING:
    from filelock import BaseFileLock


@contextmanager
def claimed(plans: Iterable[Path]) -> Iterator[None]:
    """Keep other runs away from plans until the `with` block ends.

    The lock is the system's: it ends with the process, however that ends.

    Args:
        plans: their files.

    Raises:
        PlanError: another run makes one of them.
        OSError: neither their folders nor the one for temporary files can be written.
    """
    with ExitStack() as stack:
        for plan in plans:
            lock = _locked(plan)
            stack.callback(lock.release)
            stack.callback(_remove, Path(lock.lock_file))  # while it is ours
        yield


def _locked(plan: Path) -> BaseFileLock:
    from filelock import FileLock, Timeout  # noqa: PLC0415 - takes 30 ms

    place = plan.resolve()
    elsewhere = f"plugin-bridge-{hashlib.sha256(bytes(place)).hexdigest()}.lock"
    # Other machines see the folder of the plan, too, but it may be closed to us.
    locks = [
        FileLock(place.with_name(f".{place.name}.lock")),
        FileLock(Path(tempfile.gettempdir()) / elsewhere),
    ]
    for lock in locks:
        try:
            lock.acquire(timeout=0)
        except Timeout as error:
            raise PlanError(f"another run is making {plan}; wait for it, or stop it") from error
        except OSError:
            if lock is locks[-1]:
                raise
        else:
            break
    return lock


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):  # Windows removes none that is open; the next run takes it
        path.unlink(missing_ok=True)

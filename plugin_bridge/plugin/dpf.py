"""DPF, the framework that the plug-in is built on: find or fetch its source, and mend a copy of it.

Version 1.6 does not tell a plug-in that its host is offline, nor at which sample a value acts, and has no
tail. In CLAP it does not begin anew where the host asks for it, calls an extension that a host may lack, and
asks for a restart in the first block. `dpf.patch` mends that.
"""

from __future__ import annotations

import hashlib
import io
import re
import shutil
import tarfile
import urllib.request
from pathlib import Path

from models.wholefile import Draft
from plugin_bridge.errors import MissingExtraError, OutputError

SYSTEM = Path("/usr/share/dpf")
"""Where Debian's package dpf-source puts it."""
URLS = ("https://deb.debian.org/debian/pool/main/d/dpf-plugins/dpf-source_1.6+ds-2_all.deb",)
SHA256 = "8a7c02ffa823d2d008843c543291b8cc8911a440f413c34048d2ac49594d4738"
"""Of that package, which is fetched where it is not installed."""
_SECONDS = 30.0
_MEMBER = 60
"""Bytes of the header of a member of an `ar` archive."""


PATCH = Path(__file__).with_name("dpf.patch")


class MisfitError(Exception):
    """A source that the patch does not fit; its text is the file's name."""


def prepare(folder: Path, cache: Path, system: Path = SYSTEM, urls: tuple[str, ...] = URLS) -> None:
    """Put a mended copy of DPF's plug-in part into a folder: the system's where it is version 1.6.

    Args:
        folder: for the copy, `folder / "distrho"`; one that is there is replaced.
        cache: keeps the package where it has to be fetched.
        system: where a package of the system has it.
        urls: of Debian's package, tried in turn.

    Raises:
        MissingExtraError: it is neither there nor can it be fetched.
        OutputError: the folder cannot be written, or the patch does not fit what was fetched.
    """
    source = folder / "distrho"
    shutil.rmtree(source, ignore_errors=True)
    if (system / "distrho/DistrhoPluginMain.cpp").is_file():
        shutil.copytree(system / "distrho", source)
        try:
            return _mend(folder)
        except MisfitError:  # Debian 13 has another version
            shutil.rmtree(source)
    unpack(fetched(cache, urls), folder)
    try:
        return _mend(folder)
    except MisfitError as error:
        raise OutputError(
            f"the patch does not fit {error} of the DPF that was fetched; report this"
        ) from error


def _mend(folder: Path) -> None:
    """Apply the patch; every part of it has to fit in one place exactly."""
    for part in PATCH.read_text(encoding="utf-8").split("--- a/")[1:]:
        head, *hunks = re.split(r"^@@.*@@.*\n", part, flags=re.MULTILINE)
        path = folder / head.partition("\n")[0]
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
        for hunk in hunks:
            lines = hunk.splitlines(keepends=True)
            before = "".join(line[1:] for line in lines if line[0] in " -")
            after = "".join(line[1:] for line in lines if line[0] in " +")
            if text.count(before) != 1:
                raise MisfitError(path.name)
            text = text.replace(before, after)
        path.write_text(text, encoding="utf-8")


def fetched(cache: Path, urls: tuple[str, ...]) -> bytes:
    """Return Debian's package, from the cache or the network."""
    kept = cache / f"dpf-{SHA256[:16]}.deb"
    if kept.is_file() and _is_it(data := kept.read_bytes()):
        return data
    for url in urls:
        try:
            with urllib.request.urlopen(url, timeout=_SECONDS) as answer:  # noqa: S310 - of the list above
                data = answer.read(1 << 24)
        except OSError:
            continue
        if _is_it(data):
            cache.mkdir(parents=True, exist_ok=True)
            with Draft(kept, force=True) as draft:
                draft.path.write_bytes(data)
                draft.commit()
            return bytes(data)
    raise MissingExtraError(
        "DPF 1.6, which the plug-in is built on, is missing and could not be fetched; connect to the network "
        "once, or on Debian 12: apt-get install dpf-source"
    )


def _is_it(data: bytes) -> bool:
    return hashlib.sha256(data).hexdigest() == SHA256


def unpack(package: bytes, folder: Path) -> None:
    """Unpack usr/share/dpf/distrho of a Debian package: an `ar` archive with a tar archive of the files."""
    at = len(b"!<arch>\n")
    while at < len(package):
        header = package[at : at + _MEMBER]
        name, size = header[:16].decode().strip().rstrip("/"), int(header[48:58])
        data = package[at + _MEMBER : at + _MEMBER + size]
        at += _MEMBER + size + size % 2
        if not name.startswith("data.tar"):
            continue
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            for member in archive.getmembers():
                place = member.name.partition("usr/share/dpf/")[2]
                if place.startswith("distrho"):
                    archive.extract(member.replace(name=place), folder, filter="data")

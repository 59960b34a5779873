"""DPF's source is found or fetched, and mended only where it is the version that the mending is for."""

from __future__ import annotations

import hashlib
import io
import shutil
import tarfile
from pathlib import Path

import pytest

from plugin_bridge.errors import MissingExtraError, OutputError
from plugin_bridge.plugin import dpf
from plugin_bridge.plugin.installation import cache_folder

WRAPPER = "distrho/src/DistrhoPluginVST3.cpp"


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """DPF 1.6 as Debian's package has it; systems with another version fetch it."""
    folder = tmp_path_factory.mktemp("dpf")
    try:
        dpf.prepare(folder / "tried", folder / "cache", dpf.SYSTEM, ())
    except MissingExtraError:
        dpf.unpack(dpf.fetched(cache_folder(), dpf.URLS), folder)
        return folder
    return dpf.SYSTEM


def package(system: Path) -> bytes:
    """Return a Debian package with it."""
    files = io.BytesIO()
    with tarfile.open(fileobj=files, mode="w:xz") as archive:
        archive.add(system / "distrho", "./usr/share/dpf/distrho")
    members = (("debian-binary", b"2.0\n"), ("control.tar.xz", b"odd"), ("data.tar.xz", files.getvalue()))
    data = b"!<arch>\n"
    for name, held in members:
        data += (
            f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(held):<10}`\n".encode()
            + held
            + b"\n" * (len(held) % 2)
        )
    return data


def test_the_systems_own_is_copied_and_mended(system: Path, tmp_path: Path) -> None:
    dpf.prepare(tmp_path, tmp_path / "cache", system, ())
    mended = (tmp_path / WRAPPER).read_text()
    assert "bridge_process_mode = data->process_mode;" in mended
    assert "bridge_process_mode" not in (system / WRAPPER).read_text()
    dpf.prepare(tmp_path, tmp_path / "cache", system, ())  # again, over what is there
    assert (tmp_path / WRAPPER).read_text() == mended


def test_it_is_fetched_once_where_the_system_has_none(
    system: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "dpf.deb"
    file.write_bytes(package(system))
    monkeypatch.setattr(dpf, "SHA256", hashlib.sha256(file.read_bytes()).hexdigest())
    urls = ((tmp_path / "missing.deb").as_uri(), file.as_uri())
    dpf.prepare(tmp_path / "first", tmp_path / "cache", tmp_path / "none", urls)
    file.unlink()
    dpf.prepare(tmp_path / "second", tmp_path / "cache", tmp_path / "none", urls)
    for name in ("first", "second"):
        assert "bridge_process_mode" in (tmp_path / name / WRAPPER).read_text()


def test_another_file_in_its_place_is_not_taken(tmp_path: Path) -> None:
    (tmp_path / "dpf.deb").write_bytes(b"!<arch>\nfoul")
    urls = ((tmp_path / "dpf.deb").as_uri(),)
    with pytest.raises(
        MissingExtraError, match=r"DPF 1.6, .* is missing and could not be fetched; .*dpf-source"
    ):
        dpf.prepare(tmp_path, tmp_path / "cache", tmp_path / "none", urls)
    assert not (tmp_path / "cache").exists()


def test_the_tested_version_is_fetched_where_the_system_has_another(
    system: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    newer = tmp_path / "newer"
    shutil.copytree(system / "distrho", newer / "distrho")
    path = newer / WRAPPER
    path.write_text(path.read_text().replace("if (offset == 0)", "if (offset <= 0)"))
    with pytest.raises(MissingExtraError, match=r"DPF 1.6, .* is missing and could not be fetched"):
        dpf.prepare(tmp_path / "work", tmp_path / "cache", newer, ())
    assert not (tmp_path / "work/distrho").exists()
    file = tmp_path / "dpf.deb"
    file.write_bytes(package(system))
    monkeypatch.setattr(dpf, "SHA256", hashlib.sha256(file.read_bytes()).hexdigest())
    dpf.prepare(tmp_path / "work", tmp_path / "cache", newer, (file.as_uri(),))
    mended = (tmp_path / "work" / WRAPPER).read_text()
    assert "if (offset <= 0)" not in mended
    assert "bridge_process_mode" in mended
    file.write_bytes(package(newer))
    monkeypatch.setattr(dpf, "SHA256", hashlib.sha256(file.read_bytes()).hexdigest())
    with pytest.raises(OutputError, match=r"the patch does not fit DistrhoPluginVST3.cpp of the DPF"):
        dpf.prepare(tmp_path / "work", tmp_path / "other", newer, (file.as_uri(),))

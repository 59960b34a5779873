"""Names that every system takes: what Windows keeps or drops is refused everywhere, in a sentence."""

from __future__ import annotations

import pytest

from plugin_bridge.files.names import check_portable

DEVICES = (
    "CON",
    "con",
    "Prn.wav",
    "aux.tar.gz",
    "NUL",
    "nul .txt",
    "COM1",
    "com0.wav",
    "LPT9",
    "LPT¹",
    "CONIN$",
)


@pytest.mark.parametrize("name", DEVICES)
def test_devices_of_windows_are_no_names(name: str) -> None:
    with pytest.raises(
        ValueError, match=r"take .* is a device of Windows and no file there; give another name"
    ):
        check_portable(name, "take")


@pytest.mark.parametrize("character", '<>:"/\\|?*\n\0')
def test_what_windows_takes_in_no_name_is_named(character: str) -> None:
    with pytest.raises(ValueError, match="which Windows takes in no name; give one without it") as refused:
        check_portable(f"a{character}b.wav", "take")
    assert f"has {character!r}," in str(refused.value)


@pytest.mark.parametrize("name", ["take.", "take ", "take. .", "NUL.wav. "])
def test_an_end_that_windows_leaves_out_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"ends with a dot or a space|is a device"):
        check_portable(name, "take")


def test_names_are_200_bytes_at_most() -> None:
    assert check_portable("ä" * 100, "take") == "ä" * 100
    with pytest.raises(ValueError, match="is longer than 200 bytes; give a shorter name"):
        check_portable("ä" * 100 + "b", "take")


@pytest.mark.parametrize(
    "name",
    ["console", "COM10", "con1.wav", "null.wav", "LPT", "a con", ".con", "take 1.wav", "うた", "d'amour, 2"],
)
def test_names_beside_them_are_taken(name: str) -> None:
    assert check_portable(name, "take") == name

"""Labels read, syllables spelt, and phones judged, with confusions that are known."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from models.metrics.phones import (
    Label,
    aligned,
    judged,
    moved_labels,
    read_labels,
    score_phones,
    spelt_phones,
)
from tests.support.doubles import Float32, sung
from tests.support.extras import needs

RATE = 24000


def test_plain_and_full_context_labels_are_read(tmp_path: Path) -> None:
    plain, full = tmp_path / "plain.lab", tmp_path / "full.lab"
    plain.write_text("0 5000000 pau\n5000000 6000000 k\n6000000 12000000 a\n12000000 13000000 cl\n", "utf-8")
    full.write_text(
        "0 5000000 p@xx^xx-pau+k=a_xx%xx^00/A:xx-1@xx~xx\n"
        "5000000 6000000 c@xx^pau-k+a=pau_xx%00^00/A:xx-1@xx~xx\n"
        "6000000 12000000 v@pau^k-a+cl=xx_00%00^00/A:3-1@xx~0\n",
        "utf-8",
    )
    for path in (plain, full):
        found = read_labels(path)
        assert [label.phone for label in found] == ["k", "a"]
        assert np.array([label[:2] for label in found]) == pytest.approx(np.array([[0.5, 0.6], [0.6, 1.2]]))


@pytest.mark.parametrize("text", [b"0 5000000", b"a b c", b"0.5 1.0 k", b"\xff\xfe0 1 a"])
def test_what_is_no_label_file_is_refused_in_a_sentence(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "song.lab"
    path.write_bytes(text)
    with pytest.raises(ValueError, match=r"song\.lab cannot be read; give lines of start, end") as caught:
        read_labels(path)
    assert "\n" not in str(caught.value)


def test_moved_labels_leave_out_what_begins_too_early() -> None:
    labels = (Label(0.1, 0.2, "k"), Label(0.5, 0.7, "a"))
    (left,) = moved_labels(labels, -0.25)
    assert (left.phone, left.start) == ("a", 0.25)
    assert left.stop == pytest.approx(0.45)
    assert [label.phone for label in moved_labels(labels, 1.0)] == ["k", "a"]


@pytest.mark.parametrize(
    ("text", "phones"),
    [
        ("ke_ke_ko_n", ["k", "e", "k", "e", "k", "o", "N"]),
        ("kya-shi tsu", ["ky", "a", "sh", "i", "ts", "u"]),
        ("g_N_ga_ng", ["N", "g", "a"]),
        ("la_gwe", ["a", "e"]),
        ("breath", []),
        ("a_kan", []),
        ("j0a_na", ["a", "n", "a"]),
        ("na_j0", []),
        ("", []),
    ],
)
def test_syllables_of_a_file_name_are_spelt_out(text: str, phones: list[str]) -> None:
    assert spelt_phones(text) == phones


def test_confusions_are_counted_where_the_labels_lie() -> None:
    names = ["pau", "a", "o", "k", "t", "n"]
    shares = np.zeros((50, len(names)), np.float32)
    shares[:, 0] = 0.6
    for first, last, heard in ((0, 10, "o"), (10, 20, "a"), (20, 30, "t"), (30, 40, "k"), (40, 50, "n")):
        shares[first:last, names.index(heard)] = 0.4
    meant = ("a", "a", "k", "k", "N")
    labels = [Label(0.2 * k, 0.2 * k + 0.2, phone) for k, phone in enumerate(meant)] + [Label(0.0, 0.2, "?")]
    found = judged(shares, names, 50.0, labels)
    assert found.confusions == Counter(
        {("a", "o"): 1, ("a", "a"): 1, ("k", "t"): 1, ("k", "k"): 1, ("n", "n"): 1}
    )
    assert found.vowels == 0.5
    assert found.consonants == pytest.approx(2.0 / 3.0)
    assert found.classes["unvoiced plosives"] == 0.5
    assert found.classes["nasals"] == 1.0
    assert math.isnan(found.classes["fricatives"])


def sha() -> Float32:
    """Return hissing from 0.5 s to 0.75 s and a sung a to 1.35 s, in silence."""
    hiss = np.diff(np.random.default_rng(0).normal(0.0, 0.05, RATE // 4 + 1), prepend=0.0)[1:]
    spectrum = np.fft.rfft(hiss)
    spectrum[np.fft.rfftfreq(hiss.size, 1.0 / RATE) < 3000.0] = 0.0
    parts = (
        np.zeros(RATE // 2),
        np.fft.irfft(spectrum, hiss.size),
        sung(RATE, 0.6, 150.0)[0],
        np.zeros(RATE // 2),
    )
    return np.concatenate(parts).astype(np.float32)


def test_phones_are_heard_and_found_in_time() -> None:
    needs("snfa")
    x = sha()
    scores = score_phones(x, RATE, [Label(0.5, 0.75, "sh"), Label(0.75, 1.35, "a")])
    assert scores.vowels == 1.0
    assert {heard for meant, heard in scores.confusions if meant == "sh"} <= {"sh", "s", "ch"}
    assert score_phones(0.01 * x, RATE, [Label(0.75, 1.35, "o")]).confusions == Counter({("o", "a"): 1})
    first, second = aligned(x, RATE, ["sh", "a"])
    assert (first.phone, second.phone) == ("sh", "a")
    assert first.start == pytest.approx(0.5, abs=0.05)
    assert second.start == pytest.approx(0.75, abs=0.05)
    assert second.stop == pytest.approx(1.35, abs=0.06)


@pytest.mark.parametrize("samples", [0, 100, 12000])
def test_without_labels_or_sound_nothing_is_told(samples: int) -> None:
    needs("snfa")
    silence = np.zeros(samples, np.float32)
    assert math.isnan(score_phones(silence, RATE, []).vowels)
    assert aligned(silence, RATE, []) == ()
    assert aligned(silence[:100], RATE, 50 * ["a"]) == ()

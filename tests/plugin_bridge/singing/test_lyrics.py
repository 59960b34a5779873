"""Lyrics become syllables: all kana, romaji, words in Latin letters, and what is refused."""

from __future__ import annotations

import random
import re
import string
from pathlib import Path

import pytest

from models.pronunciation.phones import VOWELS
from plugin_bridge.errors import ScoreError
from plugin_bridge.singing.lyrics import note_syllables, read_lyrics, syllables
from plugin_bridge.singing.syllables import Syllable


def spelt(text: str) -> str:
    """Return syllables as `onset nucleus/coda`, short enough to compare by eye."""
    return " ".join(
        "".join(s.onset) + s.nucleus + ("/" + "+".join(s.coda) if s.coda else "") for s in syllables(text)
    )


GOJUON = {
    "あいうえお": "a i u e o",
    "かきくけこ": "ka ki ku ke ko",
    "がぎぐげご": "ga gi gu ge go",
    "さしすせそ": "sa shi su se so",
    "ざじずぜぞ": "za ji zu ze zo",
    "たちつてと": "ta chi tsu te to",
    "だぢづでど": "da ji zu de do",
    "なにぬねの": "na ni nu ne no",
    "はひふへほ": "ha hi fu he ho",
    "ばびぶべぼ": "ba bi bu be bo",
    "ぱぴぷぺぽ": "pa pi pu pe po",
    "まみむめも": "ma mi mu me mo",
    "やゆよ": "ya yu yo",
    "らりるれろ": "ra ri ru re ro",
    "わゐゑを": "wa i e o",
    "きゃきゅきょ": "kya kyu kyo",
    "ぎゃぎゅぎょ": "gya gyu gyo",
    "しゃしゅしょ": "sha shu sho",
    "じゃじゅじょ": "ja ju jo",
    "ちゃちゅちょ": "cha chu cho",
    "ぢゃぢゅぢょ": "ja ju jo",
    "にゃにゅにょ": "nya nyu nyo",
    "ひゃひゅひょ": "hya hyu hyo",
    "びゃびゅびょ": "bya byu byo",
    "ぴゃぴゅぴょ": "pya pyu pyo",
    "みゃみゅみょ": "mya myu myo",
    "りゃりゅりょ": "rya ryu ryo",
    "てぃでぃとぅどぅ": "ti di tu du",
    "てゅでゅふゅ": "tyu dyu fyu",
    "ふぁふぃふぇふぉ": "fa fi fe fo",
    "ゔぁゔぃゔゔぇゔぉゔゅ": "ba bi bu be bo byu",
    "うぃうぇうぉ": "wi we wo",
    "しぇじぇちぇいぇ": "she je che ye",
    "つぁつぃつぇつぉ": "tsa tsi tse tso",
    "くぁくぃくぇくぉぐぁくゎぐゎ": "kwa kwi kwe kwo gwa kwa gwa",
    "すぃずぃ": "si zi",
    "ねぇまぁ": "ne ma",
    "ゎぁゕゖ": "wa a ka ke",
}


@pytest.mark.parametrize(("kana", "phones"), GOJUON.items())
def test_every_kana_has_its_phones_in_both_scripts(kana: str, phones: str) -> None:
    text = " ".join(re.findall("[^ゃゅょぁぃぅぇぉゎ][ゃゅょぁぃぅぇぉゎ]?|.", kana))
    katakana = "".join(chr(ord(letter) + 0x60) if "ぁ" <= letter <= "ゖ" else letter for letter in text)
    assert spelt(text) == phones
    assert spelt(katakana) == phones


def test_every_letter_of_both_kana_blocks_is_sung_or_means_something() -> None:
    for code in (*range(0x3041, 0x3097), *range(0x30A1, 0x30FB)):
        letter = chr(code)
        expected = 0 if letter in "っッ" else 1
        assert len(syllables(letter)) == expected, letter
    assert spelt("ヷヸヹヺ") == "ba bi be bo"


@pytest.mark.parametrize(
    ("text", "phones"),
    [
        ("がっこう", "ga/cl ko o"),
        ("ラーら〜ら-", "ra - ra - ra -"),
        ("さん", "sa N"),
        ("きょう のうた", "kyo o no u ta"),
        ("こゝろすゞめ", "ko ko ro su zu me"),
        ("ﾗﾗ ﾊﾟﾊﾟ", "ra ra pa pa"),
        ("さくら、\nさくら。", "sa ku ra sa ku ra"),
        ("っか", "ka"),
    ],
)
def test_marks_of_kana(text: str, phones: str) -> None:
    assert spelt(text) == phones


@pytest.mark.parametrize(
    ("text", "phones"),
    [
        ("sakura", "sa ku ra"),
        ("SAKURA", "sa ku ra"),
        ("konnichiwa shimbun kin'en", "ko N ni chi wa shi N bu N ki N e N"),
        ("gakkou matchi", "ga/cl ko o ma/cl chi"),
        ("Tōkyō", "to - kyo -"),
        ("si ti tu hu zi sya", "shi chi tsu fu ji sha"),
        ("fuji no yama ga さくら", "fu ji no ya ma ga sa ku ra"),
    ],
)
def test_romaji(text: str, phones: str) -> None:
    assert spelt(text) == phones


@pytest.mark.parametrize(
    ("text", "phones"),
    [
        ("la la", "ra ra"),
        ("doo", "du"),
        ("hey", "he/i"),
        ("ooh ah oh", "u a o"),
        ("na-na", "na na"),
        ("la - - lu", "ra - - ru"),
        ("love", "ra/b"),
        ("yeah", "ye/a"),
        ("Twin-kle, twinkle", "twi/N ku/r twi/N ku/r"),
        ("sky bright time", "ska/i bra/i+t ta/i+m"),
        ("singing song", "si/N i/N so/N"),
        ("mm hmm", "N N"),
        ("shh", "shu"),
        ("I'm", "a/i+m"),
        ("señor é la", "se no e ra"),
        ("do re mi fa so la ti do", "do re mi fa so ra ti do"),
    ],
)
def test_latin_letters(text: str, phones: str) -> None:
    assert spelt(text) == phones


def test_any_word_gives_one_nucleus_a_syllable_and_keeps_its_spelling() -> None:
    chance = random.Random(5)  # noqa: S311 - any words will do
    for _ in range(3000):
        word = "".join(chance.choices(string.ascii_lowercase, k=chance.randint(1, 9)))
        found = syllables(word + " la")
        assert found
        assert all(one.nucleus in (*VOWELS, "N") for one in found)
        assert "".join(one.text for one in found) == word + "la"


def test_notes_are_read_together_but_each_has_its_own() -> None:
    assert note_syllables(["sa", "", "ku"]) == [
        [Syllable(("s",), "a", (), "sa")],
        [],
        [Syllable(("k",), "u", (), "ku")],
    ]
    assert note_syllables(["ti", "lal"])[0][0].onset == ("t",)
    assert note_syllables(["ti", "ta"])[0][0].onset == ("ch",)


@pytest.mark.parametrize("text", ["夜の", "привет", "노래", "la 3 times"])
def test_other_scripts_are_refused_in_one_sentence(text: str) -> None:
    with pytest.raises(ValueError, match=r"^the lyrics have '.*', which cannot be read; write it in kana"):
        syllables(text)


def test_nothing_sung_is_no_fault() -> None:
    assert syllables(" | / ... \n") == []


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp932"])
def test_a_file_is_read_in_the_encodings_of_karaoke(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "words.txt").write_text("さくら ー", encoding=encoding)
    assert read_lyrics(tmp_path / "words.txt") == "さくら ー"


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_bytes(b"\xfd\xff\x81")
    with pytest.raises(ScoreError, match="neither UTF-8 nor Shift-JIS"):
        read_lyrics(tmp_path / "words.txt")
    with pytest.raises(ScoreError, match="does not exist"):
        read_lyrics(tmp_path / "none.txt")

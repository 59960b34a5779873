"""Broadcast chunks: times at another rate, a line of history, the new loudness, and no other byte changed."""

from __future__ import annotations

import struct

import pytest

from plugin_bridge.files.broadcast import Made, true_of
from plugin_bridge.files.loudness import Loudness
from plugin_bridge.version import __version__
from tests.support.studio import bext, cue

SHOWN = Loudness(integrated=-23.456, range=7.125, momentary=-18.0, short_term=None, true_peak=-1.004)
SAME = Made(48000, 48000, 2, 24, SHOWN)
OTHER = Made(48000, 44100, 1, 16, SHOWN)
LINE = f"A=PCM,F=48000,W=24,M=stereo,T=plugin_bridge {__version__}\r\n".encode()
OTHER_LINE = f"A=PCM,F=44100,W=16,M=mono,T=plugin_bridge {__version__}\r\n".encode()
BEFORE = b"A=PCM,F=48000,W=24,M=stereo,T=Recorder 9000\r\n"
TEN_O_CLOCK = 10 * 3600 * 48000


def told(name: bytes, content: bytes, made: Made = SAME) -> bytes:
    ((found_name, found),) = true_of([(name, content)], made)
    assert found_name == name
    return found


def test_a_line_of_coding_history_is_added() -> None:
    assert told(b"bext", bext(1234, history=BEFORE)) == bext(1234, history=BEFORE + LINE)
    for history, joined in (
        (b"", b""),
        (bytes(100), b""),
        (BEFORE.strip(), BEFORE),
        (BEFORE + bytes(55), BEFORE),
        (b"A=ANALOGUE\n", b"A=ANALOGUE\n"),
    ):
        assert told(b"bext", bext(1234, history=history)) == bext(1234, history=joined + LINE)
    twice = told(b"bext", told(b"bext", bext(0, history=BEFORE)))
    assert twice == bext(0, history=BEFORE + 2 * LINE)


@pytest.mark.parametrize(
    ("rate", "time"), [(44100, 10 * 3600 * 44100), (96000, 10 * 3600 * 96000), (192000, 10 * 3600 * 192000)]
)
def test_the_time_reference_keeps_the_time_of_day(rate: int, time: int) -> None:
    assert time > 2**30
    found = told(b"bext", bext(TEN_O_CLOCK), Made(48000, rate, 1, 24, SHOWN))
    assert struct.unpack_from("<Q", found, 338) == (time,)
    assert found[:338] == bext(TEN_O_CLOCK)[:338]
    assert found[346:602] == bext(TEN_O_CLOCK)[346:]
    largest = told(b"bext", bext(2**64 - 1), Made(48000, 96000, 1, 24, SHOWN))
    assert struct.unpack_from("<Q", largest, 338) == (2**64 - 1,)


def test_version_2_tells_the_loudness_of_the_new_sound() -> None:
    old = bext(5, version=2, loudness=(-1600, 300, -50, -1200, -1400))
    new = bext(5, version=2, loudness=(-2346, 712, -100, -1800, 0x7FFF), history=LINE)
    assert told(b"bext", old) == new
    silent = Made(48000, 48000, 2, 24, Loudness(None, None, None, None, -120.5))
    assert told(b"bext", old, silent) == bext(5, version=2, loudness=(0x7FFF,) * 5, history=LINE)
    for version in (0, 1):  # the bytes are reserved
        assert told(b"bext", bext(5, version=version)) == bext(5, version=version, history=LINE)


@pytest.mark.parametrize("length", [0, 1, 346, 601])
def test_a_chunk_too_short_for_bext_stays_as_it_is(length: int) -> None:
    assert told(b"bext", b"x" * length, OTHER) == b"x" * length


IXML = """<?xml version="1.0" encoding="UTF-8"?>
<BWFXML>
  <IXML_VERSION>2.10</IXML_VERSION><PROJECT>Früh &amp; spät</PROJECT>
  <NOTE>FILE_SAMPLE_RATE 48000</NOTE>
  <SPEED>
    <NOTE></NOTE><MASTER_SPEED>25/1</MASTER_SPEED><DIGITIZER_SAMPLE_RATE>48000</DIGITIZER_SAMPLE_RATE>
    <AUDIO_BIT_DEPTH>{bits}</AUDIO_BIT_DEPTH>
    <FILE_SAMPLE_RATE>{rate}</FILE_SAMPLE_RATE><TIMESTAMP_SAMPLE_RATE> {rate} </TIMESTAMP_SAMPLE_RATE>
    <TIMESTAMP_SAMPLES_SINCE_MIDNIGHT_HI>{high}</TIMESTAMP_SAMPLES_SINCE_MIDNIGHT_HI>
    <TIMESTAMP_SAMPLES_SINCE_MIDNIGHT_LO>{low}</TIMESTAMP_SAMPLES_SINCE_MIDNIGHT_LO>
  </SPEED>
  <SYNC_POINT_LIST><SYNC_POINT_COUNT>2</SYNC_POINT_COUNT>
    <SYNC_POINT><SYNC_POINT_LOW>{one}</SYNC_POINT_LOW><SYNC_POINT_HIGH>0</SYNC_POINT_HIGH>
    <SYNC_POINT_EVENT_DURATION>{one}</SYNC_POINT_EVENT_DURATION></SYNC_POINT>
    <SYNC_POINT><SYNC_POINT_LOW>{low}</SYNC_POINT_LOW><SYNC_POINT_HIGH>{high}</SYNC_POINT_HIGH></SYNC_POINT>
  </SYNC_POINT_LIST>
  <BEXT><BWF_DESCRIPTION>Take 3, lead</BWF_DESCRIPTION>
    <BWF_TIME_REFERENCE_LOW>{low}</BWF_TIME_REFERENCE_LOW>
    <BWF_TIME_REFERENCE_HIGH>{high}</BWF_TIME_REFERENCE_HIGH>
    {loudness}<BWF_CODING_HISTORY>A=PCM,F=48000{history}</BWF_CODING_HISTORY></BEXT>
</BWFXML>
"""
LOUDNESS = """<BWF_LOUDNESS_VALUE>-16.0</BWF_LOUDNESS_VALUE>
    <BWF_MAX_TRUE_PEAK_LEVEL>-0.5</BWF_MAX_TRUE_PEAK_LEVEL>
    """


def ixml(time: int, rate: int, one: int, bits: int, loudness: str = "", history: str = "") -> str:
    """An iXML chunk of a file at a rate: time of day, and a place in it, in samples."""
    high, low = divmod(time, 2**32)
    return IXML.format(rate=rate, high=high, low=low, one=one, bits=bits, loudness=loudness, history=history)


@pytest.mark.parametrize("coding", ["utf-8", "latin-1", "utf-16"])
def test_ixml_mirrors_what_bext_tells(coding: str) -> None:
    time = 30 * 3600 * 48000  # of a clock that counts on: more than 32 bits
    old = ixml(time, 48000, 24000, 16, LOUDNESS).encode(coding)
    same = ixml(time, 48000, 24000, 24, history="\r\n" + LINE.decode())
    assert told(b"iXML", old).decode(coding) == same
    other = ixml(30 * 3600 * 44100, 44100, 22050, 16, history="\r\n" + OTHER_LINE.decode())
    assert told(b"iXML", old, OTHER).decode(coding) == other


def test_another_clock_than_the_files_keeps_its_ratio() -> None:
    pulled = b"<FILE_SAMPLE_RATE>48000</FILE_SAMPLE_RATE><TIMESTAMP_SAMPLE_RATE>48048</TIMESTAMP_SAMPLE_RATE>"
    found = told(b"iXML", pulled, Made(48000, 96000, 1, 24, SHOWN))
    assert found == pulled.replace(b"48000", b"96000").replace(b"48048", b"96096")
    assert told(b"iXML", pulled) == pulled


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\xff\xfe\x00",
        b"\xfe\xff\xd8\x00",
        b"<BWF_TIME_REFERENCE_LOW>7</BWF_TIME_REFERENCE_LOW>",
        b"<TIMESTAMP_SAMPLES_SINCE_MIDNIGHT_LO>x</TIMESTAMP_SAMPLES_SINCE_MIDNIGHT_LO>",
        b"<AUDIO_BIT_DEPTH></AUDIO_BIT_DEPTH>\x80\x00\xff",
        b'<!DOCTYPE a [<!ENTITY b "cccc">]><a>&b;&b;</a>',
    ],
)
def test_what_is_not_understood_stays_as_it_is(text: bytes) -> None:
    assert told(b"iXML", text, OTHER) == text
    assert told(b"axml", text, OTHER) == text


def test_numbers_of_any_size_are_survived() -> None:
    tag = "SYNC_POINT_LOW", "SYNC_POINT_HIGH"
    text = "".join(f"<{name}>{'9' * 20}</{name}>" for name in tag)
    largest = "".join(f"<{name}>{2**32 - 1}</{name}>" for name in tag)
    assert told(b"iXML", text.encode(), Made(48000, 96000, 1, 24, SHOWN)).decode() == largest
    longer = text.replace("9" * 20, "9" * 5000).encode()
    assert told(b"iXML", longer, OTHER) == longer


@pytest.mark.parametrize(
    "part", [b" ", b"<", b"<BWF_LOUDNESS_VALUE>", b"<FILE_SAMPLE_RATE> ", b"<SYNC_POINT_LOW>1", b"\xff"]
)
def test_hostile_text_takes_time_in_proportion_to_its_length(part: bytes) -> None:
    """Two megabytes, of which the square would pass the limit of any test."""
    text = b"<FILE_SAMPLE_RATE>" + part * (2**21 // len(part))
    assert told(b"iXML", text, OTHER) == text
    content = cue() + part * (2**21 // len(part))
    assert told(b"cue ", content, OTHER) == content

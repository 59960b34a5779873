"""Sessions of earlier versions, as those wrote them, stay readable."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from plugin_bridge.control.events import AllNotesOff, Event, NoteOff, NoteOn, PitchBend
from plugin_bridge.sessions.reader import SessionReader

HEADER_0_1 = """{
  "format": 1,
  "software": "plugin_bridge 0.1.0",
  "sample_rate": 48000,
  "channels": 2,
  "device": "a card",
  "block": 64,
  "singers": [
    {"id": "dark", "file": "", "sha256": ""},
    {"id": "bright", "file": "", "sha256": ""}
  ],
  "seed": 3,
  "pitch": "melody",
  "values": {"singer": "dark", "morph": 0.25, "bypass": true}
}
"""
EVENTS_0_1 = """{"rate": 48000}
{"position": 0, "parameter": "singer", "value": "bright"}
{"position": 5, "note_on": 60.5}
{"position": 7, "parameter": "transpose", "value": "auto"}
{"position": 63, "bend": -0.5}
{"position": 64, "gap": 32}
{"position": 102, "note_off": 60.5}
{"position": 159, "notes_off": true}
{"position": 64, "missed": 16}
{"upto": 160}
{"end": 160}
"""


def test_a_session_of_version_0_1_is_read(tmp_path: Path) -> None:
    (tmp_path / "session.json").write_text(HEADER_0_1, "utf-8")
    (tmp_path / "events.jsonl").write_text(EVENTS_0_1, "utf-8")
    audio = np.arange(-160, 160, dtype="<f4") / 160
    (tmp_path / "audio.f32").write_bytes(audio.tobytes())
    with SessionReader(tmp_path) as session:
        assert np.array_equal(np.concatenate(list(session.chunks()), axis=1), audio.reshape(-1, 2).T)
        assert (session.frames, session.channels, session.sample_rate) == (160, 2, 48000)
        assert (session.header.seed, session.header.pitch, session.note) == (3, "melody", "")
        assert [singer.id for singer in session.header.singers] == ["dark", "bright"]
        assert session.values == {"singer": "dark", "morph": 0.25, "bypass": True}
        assert (session.gaps, session.missed) == ([(64, 32)], [(64, 16)])
        assert session.events == [
            Event(0, "singer", "bright"),
            NoteOn(5, 60.5),
            Event(7, "transpose", "auto"),
            PitchBend(63, -0.5),
            NoteOff(102, 60.5),
            AllNotesOff(159),
        ]

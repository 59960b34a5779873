"""What can be bounced: an audio file or a recorded session, both read in chunks."""

from __future__ import annotations

from pathlib import Path

from plugin_bridge.files.reader import AudioReader
from plugin_bridge.files.standardstreams import STANDARD_STREAM
from plugin_bridge.sessions.header import is_session
from plugin_bridge.sessions.reader import SessionReader

Source = AudioReader | SessionReader


def open_source(path: Path) -> Source:
    """Open an audio file, standard input or a session.

    Raises:
        AudioFileError, SessionError: it cannot be used; the sentence says why and what to do.
    """
    return SessionReader(path) if path != STANDARD_STREAM and is_session(path) else AudioReader(path)

"""The packets of ReaStream, REAPER's plug-in for audio and MIDI over UDP. All numbers are little-endian.

Audio: `MRSR`, uint32 size of the packet, identifier of 32 bytes filled up with NUL, uint8 channels, uint32
sample rate, uint16 bytes of audio (1200 at most), then float32, one channel after the other. MIDI: `mRSR`,
uint32 size, identifier, then events. There is no sequence number and no time.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]

PORT = 58710
MAX_AUDIO = 1200
"""Bytes of audio in a packet."""
MAX_PACKET_BYTES = 65535
_AUDIO = struct.Struct("<4sI32sBIH")
_MIDI = struct.Struct("<4sI32s")
_EVENT = struct.Struct("<6I3s")
_IS_MIDI = 1


@dataclass(frozen=True)
class AudioPacket:
    """A piece of audio."""

    identifier: bytes
    """Without its NULs."""
    sample_rate: int
    samples: Float32
    """Shape (channels, n)."""


@dataclass(frozen=True)
class MidiPacket:
    """MIDI of a block of audio."""

    identifier: bytes
    messages: list[tuple[int, bytes]]
    """Samples since the beginning of the block, and the message."""


def largest(channels: int) -> int:
    """Return the samples in each channel of a full packet."""
    return MAX_AUDIO // (4 * channels)


def packed_identifier(name: str) -> bytes:
    """Return an identifier's bytes.

    Raises:
        ValueError: it is empty or too long.
    """
    identifier = name.encode()
    if not 0 < len(identifier) < 32 or b"\0" in identifier:
        raise ValueError(f"identifier {name!r} does not fit ReaStream; give 1 to 31 bytes of text")
    return identifier


def parse(data: bytes) -> AudioPacket | MidiPacket:
    """Return the packet of a datagram.

    Raises:
        ValueError: it is none.
    """
    if data[:4] == b"mRSR" and len(data) >= _MIDI.size:
        _, size, name = _MIDI.unpack_from(data)
        return MidiPacket(name.partition(b"\0")[0], list(_messages(data[_MIDI.size : size])))
    if data[:4] != b"MRSR" or len(data) < _AUDIO.size:
        raise ValueError(f"a datagram of {len(data)} bytes is not of ReaStream")
    _, size, name, channels, sample_rate, length = _AUDIO.unpack_from(data)
    if size != _AUDIO.size + length or len(data) < size:
        raise ValueError(f"a packet of {len(data)} bytes says that it has {size}, {length} of them audio")
    if not channels or length % (4 * channels):
        raise ValueError(f"{length} bytes do not hold samples of {channels} channels")
    samples = np.frombuffer(data, "<f4", length // 4, _AUDIO.size).reshape(channels, -1)
    return AudioPacket(name.partition(b"\0")[0], sample_rate, samples.astype(np.float32, copy=False))


def audio_packets(identifier: bytes, sample_rate: int, samples: Float32) -> list[bytes]:
    """Return the datagrams of a block: as many full ones as there are, then the rest.

    Args:
        identifier: 31 bytes at most.
        sample_rate: hertz.
        samples: shape (channels, n), 64 channels at most.
    """
    channels, n = samples.shape
    size = largest(channels)
    pieces = [samples[:, at : at + size] for at in range(0, n, size)]
    return [_audio_packet(identifier, sample_rate, piece) for piece in pieces]


def _audio_packet(identifier: bytes, sample_rate: int, samples: Float32) -> bytes:
    data = samples.astype("<f4", copy=False).tobytes()
    size = _AUDIO.size + len(data)
    return _AUDIO.pack(b"MRSR", size, identifier, len(samples), sample_rate, len(data)) + data


def _messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Events that are not MIDI are passed over, and so is all from the first that is cut off."""
    at = position = 0
    while at + _EVENT.size <= len(data):
        kind, size, frames, _, _, _, message = _EVENT.unpack_from(data, at)
        if size < _EVENT.size:
            return
        at += size
        position += frames
        if kind == _IS_MIDI:
            short = 0xC0 <= message[0] < 0xE0  # program change and channel pressure
            yield position, message[: 2 if short else 3]

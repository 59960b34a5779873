"""A WAV stream says in its header what comes, and says so when that is not known."""

from __future__ import annotations

import io

import numpy as np
import pytest
import soundfile

from plugin_bridge.files.wavstream import WavStream


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("bits", ["16", "24", "32f"])
@pytest.mark.parametrize("frames", [0, 1, 3, 1000])
def test_the_header_fits_what_follows(channels: int, bits: str, frames: int) -> None:
    out = io.BytesIO()
    stream = WavStream(out, 22050, channels, bits, frames)
    x = np.random.default_rng(0).uniform(-1, 1, (frames, channels)).astype(np.float32)
    steps = x if bits == "32f" else (x * 2.0**31).astype(np.int32) & ~((1 << (32 - int(bits))) - 1)
    for part in np.array_split(steps, 3):
        stream.write(part)
    stream.close()
    stream.close()
    data = out.getvalue()
    assert int.from_bytes(data[4:8], "little") == len(data) - 8
    assert len(data) % 2 == 0
    if frames:
        with soundfile.SoundFile(io.BytesIO(data)) as file:
            assert (file.samplerate, file.channels, file.frames) == (22050, channels, frames)
            assert "(should be" not in file.extra_info
            found = file.read(dtype="float32", always_2d=True)
        assert np.array_equal(found, x if bits == "32f" else steps.astype(np.float64) / 2.0**31)


@pytest.mark.parametrize("frames", [None, 2**31])
def test_what_is_unknown_or_too_long_for_the_header_is_read_to_its_end(frames: int | None) -> None:
    out = io.BytesIO()
    stream = WavStream(out, 48000, 2, "24", frames)
    stream.write(np.ones((10, 2), np.int32) << 30)
    stream.close()
    data = out.getvalue()
    assert data[40:44] == (0x7FFFF000).to_bytes(4, "little")
    assert soundfile.read(io.BytesIO(data))[0].tolist() == [[0.5, 0.5]] * 10

"""Streams through a bad network: what is lost, repeated and reordered, with a clock that is simulated."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from plugin_bridge.live.drivers.reastreamrepair import Counts, StreamRepair

Float32 = NDArray[np.float32]
Sent = list[tuple[float, Float32]]
"""Packets with the times of their arrival."""

RATE = 48000


def noise(samples: int, channels: int = 2) -> Float32:
    return np.random.default_rng(3).normal(size=(channels, samples)).astype(np.float32)


def sent(audio: Float32, block: int) -> Sent:
    """Send audio as a DAW does: its blocks at their times, the packets of one 0.1 ms apart."""
    full = 300 // len(audio)
    packets = []
    for at in range(0, audio.shape[1], block):
        piece = audio[:, at : at + block]
        for i, start in enumerate(range(0, piece.shape[1], full)):
            packets.append((at / RATE + i * 1e-4, piece[:, start : start + full]))
    return packets


def mended(packets: Sent, channels: int = 2) -> tuple[Float32, Counts]:
    repair = StreamRepair(channels, RATE)
    parts = [part for time, samples in packets for part in repair.push(samples, time)]
    return np.concatenate(parts, axis=1), repair.counts


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("block", [32, 64, 128, 150, 256, 441, 480, 512, 1024, 4096, 8192])
def test_a_whole_stream_passes_untouched(channels: int, block: int) -> None:
    x = noise(block * 40, channels)
    out, counts = mended(sent(x, block), channels)
    assert np.array_equal(out, x)
    assert counts == Counts()


@pytest.mark.parametrize("block", [128, 512])
def test_blocks_of_any_size_in_turn_pass_untouched(block: int) -> None:
    rng = np.random.default_rng(4)
    x, packets, at = noise(400_000), list[tuple[float, Float32]](), 0
    while at < 380_000:
        size = block if rng.random() < 0.7 else int(rng.integers(1, 2 * block))
        packets += [(at / RATE + time, piece) for time, piece in sent(x[:, at : at + size], size)]
        at += size
    out, counts = mended(packets)
    assert np.array_equal(out, x[:, :at])
    assert counts.repeated == counts.reordered == counts.lost == 0


@pytest.mark.parametrize(
    ("which", "start", "length"), [(0, 0, 150), (1, 300, 150), (2, 300, 150), (3, 450, 62)]
)
def test_a_lost_packet_becomes_silence_of_its_length(which: int, start: int, length: int) -> None:
    """Which full packet of a block was lost is not known: the silence stands before the rest."""
    x = noise(512 * 40)
    packets = sent(x, 512)
    del packets[4 * 20 + which]
    out, counts = mended(packets)
    expected = x.copy()
    at = 512 * 20
    if which < 3:
        expected[:, at + 150 * which : at + 300] = x[:, at + 150 * (which + 1) : at + 450]
        start = 300
    expected[:, at + start : at + start + length] = 0.0
    assert np.array_equal(out, expected)
    assert counts == Counts(lost=1)


def test_a_rest_that_overtook_is_put_behind() -> None:
    x = noise(512 * 40)
    for earlier in (2, 1, 0):
        packets = sent(x, 512)
        times, pieces = zip(*packets[80:84], strict=True)
        order = [0, 1, 2]
        order.insert(earlier, 3)
        packets[80:84] = [(time, pieces[i]) for time, i in zip(times, order, strict=True)]
        out, counts = mended(packets)
        assert np.array_equal(out, x)
        assert counts == Counts(reordered=3 - earlier)


def test_copies_are_left_out() -> None:
    x = noise(512 * 40)
    packets = [packet for packet in sent(x, 512) for _ in range(2)]
    out, counts = mended(packets)
    assert np.array_equal(out, x)
    assert counts == Counts(repeated=160)
    late = sent(x, 512)
    late.insert(90, (late[89][0], late[85][1]))
    assert np.array_equal(mended(late)[0], x)


def test_silence_is_never_a_copy() -> None:
    x = noise(512 * 60)
    x[:, 512 * 10 : 512 * 50] = 0.0
    out, counts = mended(sent(x, 512))
    assert np.array_equal(out, x)
    assert counts == Counts()


def test_a_tone_that_repeats_itself_is_heard() -> None:
    """A tone of 375 Hz repeats after 128 samples; a tenth of a second of it is taken for copies."""
    period = np.tile(np.sin(2 * np.pi * np.arange(128) / 128).astype(np.float32), (2, 1))
    x = np.tile(period, 3000)
    out, counts = mended(sent(x, 128))
    assert x.shape[1] - out.shape[1] == 128 * counts.repeated
    assert 0 < counts.repeated <= 0.11 * RATE / 128
    rest = np.random.default_rng(5).normal(size=(2, 128 * 400)).astype(np.float32)
    assert np.array_equal(mended(sent(rest, 128))[0], rest)


def test_a_pause_is_no_loss() -> None:
    x = noise(512 * 80)
    packets = sent(x, 512)
    packets = [(time + (5.0 if i >= 160 else 0.0), piece) for i, (time, piece) in enumerate(packets)]
    out, counts = mended(packets)
    assert np.array_equal(out, x)
    assert counts == Counts()


def test_another_block_size_is_learned() -> None:
    x = noise(512 * 100)
    packets = sent(x[:, : 512 * 50], 512) + [
        (time + 512 * 50 / RATE, piece) for time, piece in sent(x[:, 512 * 50 :], 1024)
    ]
    out, counts = mended(packets)
    assert np.array_equal(out, x)
    assert counts.lost == 0
    del packets[4 * 50 + 7 * 20 + 2]
    assert mended(packets)[1].lost == 1


@pytest.mark.parametrize("drift", [1.0, 1.0003, 0.9997])
def test_jitter_and_drifting_clocks_are_no_loss(drift: float) -> None:
    rng = np.random.default_rng(6)
    x = noise(512 * 600)
    jitter = np.repeat(rng.uniform(0, 0.004, 600), 4).tolist()
    packets = [(time * drift + late, piece) for (time, piece), late in zip(sent(x, 512), jitter, strict=True)]
    out, counts = mended(packets)
    assert np.array_equal(out, x)
    assert counts == Counts()


def lossy(packets: Sent, rng: np.random.Generator, rate: float) -> Sent:
    return [packet for packet in packets if rng.random() >= rate]


def doubling(packets: Sent, rng: np.random.Generator, rate: float) -> Sent:
    return [packet for packet in packets for _ in range(1 + (rng.random() < rate))]


def swapping(packets: Sent, rng: np.random.Generator, rate: float) -> Sent:
    """Swap neighbours."""
    pieces = [piece for _, piece in packets]
    for i in range(1, len(pieces)):
        if rng.random() < rate:
            pieces[i - 1], pieces[i] = pieces[i], pieces[i - 1]
    return [(time, piece) for (time, _), piece in zip(packets, pieces, strict=True)]


@pytest.mark.parametrize(
    ("network", "rate", "off"),
    [(doubling, 0.3, 0), (swapping, 0.01, 300), (lossy, 0.01, 1024), (lossy, 0.05, 4096)],
)
def test_a_bad_network_does_not_change_the_length_by_much(
    network: Callable[[Sent, np.random.Generator, float], Sent], rate: float, off: int
) -> None:
    """Of 20 s; without mending, 1 % of loss makes it 9,600 samples shorter, 30 % of copies 288,000 longer."""
    x = noise(512 * 1875)
    out, _ = mended(network(sent(x, 512), np.random.default_rng(7), rate))
    assert abs(out.shape[1] - x.shape[1]) <= off

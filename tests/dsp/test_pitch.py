"""The pitch tracker against tones of known pitch: accuracy, octave traps, voicing, latency, state."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from dsp.decimator import Decimator
from dsp.periodicity import Periodicity
from dsp.pitch import PitchTracker
from dsp.units import MAX_F0, MIN_F0, RATES, hop_size

Float64 = NDArray[np.float64]

SAW = tuple(1.0 / k for k in range(1, 40))
SPECTRA = {
    "saw": SAW,
    "sine": (1.0,),
    "dull": tuple(k**-3.0 for k in range(1, 20)),
    "no fundamental": (0.0, 1.0, 1.0, 1.0, 1.0),
    "strong second": (0.25, 1.0, 0.25, 0.15, 0.1),
    "strong third": (0.3, 0.3, 1.0, 0.3, 0.2),
    "odd only": (1.0, 0.0, 0.5, 0.0, 0.3, 0.0, 0.2),
}


def tone(f0: Float64, rate: int, amplitudes: tuple[float, ...] = SAW, peak: float = 0.3) -> Float64:
    """Return harmonics of a frequency given per sample, none above 45 % of the rate."""
    phase = 2.0 * np.pi * np.cumsum(f0) / rate
    x = np.zeros(f0.size)
    for k, amplitude in enumerate(amplitudes, start=1):
        if k * f0.max() < 0.45 * rate:
            x += amplitude * np.sin(k * phase + 0.7 * k * k)
    result: Float64 = x * (peak / np.abs(x).max())
    return result


def steady(hz: float, rate: int, seconds: float = 0.4, amplitudes: tuple[float, ...] = SAW) -> Float64:
    return tone(np.full(round(seconds * rate), hz), rate, amplitudes)


def track(x: Float64, rate: int, tracker: PitchTracker | None = None) -> tuple[Float64, Float64]:
    """Return f0 and voicing of every frame, the first one centred at sample 0."""
    tracker = tracker or PitchTracker(rate)
    hop = hop_size(rate)
    hops = x.size // hop
    padded = np.concatenate([x[: hops * hop], np.zeros(hop)]).astype(np.float32)
    frames = tracker.process(padded)
    lead = tracker.latency // hop - 1
    assert all(MIN_F0 <= frame.f0 <= MAX_F0 and 0.0 <= frame.voicing <= 1.0 for frame in frames)
    return np.array([f.f0 for f in frames[lead:]]), np.array([f.voicing for f in frames[lead:]])


def cents(f0: Float64, truth: Float64 | float) -> Float64:
    result: Float64 = 1200.0 * np.log2(f0 / truth)
    return result


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("hz", [50.0, 65.0, 110.0, 220.0, 466.0, 880.0, 1175.0, 1600.0])
def test_tone_is_found_within_a_cent_or_two_at_every_rate(rate: int, hz: float) -> None:
    f0, voicing = track(steady(hz, rate), rate)
    assert np.abs(cents(f0[5:-5], hz)).max() < (1.0 if hz < 1100.0 else 2.0)
    assert voicing[5:-5].min() > 0.95


def vowel(hz: float, rate: int, formants: tuple[float, ...], seconds: float = 0.4) -> Float64:
    """Return a sawtooth through resonances 100 Hz wide."""
    harmonics = hz * np.arange(1.0, 0.45 * rate / hz)
    gains = [1.0 / np.abs(1.0 - (harmonics / f) ** 2 + 100.0j * harmonics / f**2) for f in formants]
    return steady(hz, rate, seconds, tuple(np.prod(gains, axis=0) * hz / harmonics))


@pytest.mark.parametrize(
    "formants", [(800.0, 1200.0, 2700.0), (300.0, 2300.0, 3000.0), (320.0, 800.0, 2400.0)]
)
@pytest.mark.parametrize(
    "hz", [50.0, 58.0, 82.0, 330.0, 740.0, 988.0, 1109.0, 1245.0, 1397.0, 1568.0, 1600.0]
)
def test_a_vowel_has_no_other_octave_from_the_lowest_bass_to_the_highest_soprano(
    hz: float, formants: tuple[float, ...]
) -> None:
    for rate in (16000, 44100):
        f0, voicing = track(vowel(hz, rate, formants), rate)
        assert np.abs(cents(f0[6:-5], hz)).max() < 10.0
        assert voicing[6:-5].min() > 0.9


@pytest.mark.parametrize("rate", [16000, 44100, 96000])
@pytest.mark.parametrize(("low", "high"), [(52.0, 104.0), (500.0, 1600.0), (1600.0, 800.0)])
def test_a_chirp_to_the_ends_of_the_range_is_followed(rate: int, low: float, high: float) -> None:
    seconds = np.arange(2 * rate) / rate
    truth = low * (high / low) ** (seconds / 2.0)
    f0, voicing = track(tone(truth, rate), rate)
    assert np.abs(cents(f0, truth[:: hop_size(rate)][: f0.size]))[6:-5].max() < 10.0
    assert voicing[6:-5].min() > 0.9


@pytest.mark.parametrize("spectrum", SPECTRA)
@pytest.mark.parametrize("hz", [55.0, 98.0, 147.0, 247.0, 392.0, 659.0, 988.0])
def test_spectrum_does_not_change_the_octave(spectrum: str, hz: float) -> None:
    f0, voicing = track(steady(hz, 48000, amplitudes=SPECTRA[spectrum]), 48000)
    assert np.abs(cents(f0[6:-5], hz)).max() < 2.0
    assert voicing[6:-5].min() > 0.9


@pytest.mark.parametrize("rate", [16000, 44100, 96000])
@pytest.mark.parametrize("hz", [90.0, 260.0, 700.0])
def test_vibrato_is_followed(rate: int, hz: float) -> None:
    t = np.arange(rate) / rate
    truth = hz * 2.0 ** (50.0 / 1200.0 * np.sin(2.0 * np.pi * 6.0 * t))
    f0, voicing = track(tone(truth, rate), rate)
    error = np.abs(cents(f0, truth[:: hop_size(rate)][: f0.size]))[5:-5]
    assert np.median(error) < 2.0
    assert error.max() < 4.0
    assert voicing[5:-5].min() > 0.9


@pytest.mark.parametrize("octaves_per_second", [-2.0, 1.0, 4.0])
def test_glide_is_followed_without_lag(octaves_per_second: float) -> None:
    rate = 48000
    t = np.arange(rate // 2) / rate
    truth = 250.0 * 2.0 ** (octaves_per_second * (t - 0.25))
    f0, voicing = track(tone(truth, rate), rate)
    error = cents(f0, truth[:: hop_size(rate)][: f0.size])[5:-5]
    assert np.abs(error).max() < 3.0
    assert voicing[5:-5].min() > 0.9


@pytest.mark.parametrize("colour", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("rate", [16000, 48000])
def test_noise_is_unvoiced(rate: int, colour: float) -> None:
    spectrum = np.fft.rfft(np.random.default_rng(7).standard_normal(3 * rate))
    spectrum *= np.maximum(1.0, np.arange(spectrum.size)) ** -colour
    x = np.fft.irfft(spectrum)
    _, voicing = track(0.1 * x / np.std(x), rate)
    assert voicing.mean() < 0.02
    assert np.mean(voicing > 0.5) < 0.01


def test_silence_is_unvoiced_and_holds_the_pitch() -> None:
    rate = 48000
    x = np.concatenate([np.zeros(rate // 4), steady(330.0, rate), np.zeros(rate // 2)])
    f0, voicing = track(x, rate)
    assert voicing[:23].max() == 0.0
    assert voicing[70:].max() == 0.0
    assert np.abs(cents(f0[70:], 330.0)).max() < 20.0
    assert np.all(track(np.zeros(rate // 4), rate)[0] == 220.0)


@pytest.mark.parametrize("peak_db", [0.0, -20.0, -40.0, -60.0])
def test_level_does_not_matter(peak_db: float) -> None:
    x = steady(196.0, 48000) / 0.3 * 10.0 ** (peak_db / 20.0)
    f0, voicing = track(x, 48000)
    assert np.abs(cents(f0[5:-5], 196.0)).max() < 1.0
    assert voicing[5:-5].min() > 0.9


@pytest.mark.parametrize(("snr_db", "tolerance"), [(20.0, 8.0), (10.0, 25.0)])
def test_breathy_tone_stays_voiced(snr_db: float, tolerance: float) -> None:
    rate = 48000
    x = steady(262.0, rate, 1.0)
    noise = np.random.default_rng(3).standard_normal(x.size) * np.std(x) * 10.0 ** (-snr_db / 20.0)
    f0, voicing = track(x + noise, rate)
    assert np.abs(cents(f0[5:-5], 262.0)).max() < tolerance
    assert voicing[5:-5].min() > 0.8


@pytest.mark.parametrize(
    ("start", "end"), [(220.0, 440.0), (440.0, 220.0), (110.0, 220.0), (330.0, 220.0), (660.0, 165.0)]
)
def test_leap_is_followed_within_40_ms(start: float, end: float) -> None:
    rate = 48000
    half = rate // 2
    f0, _ = track(tone(np.repeat([start, end], half), rate), rate)
    assert np.abs(cents(f0[5:47], start)).max() < 5.0
    assert np.abs(cents(f0[54:-5], end)).max() < 5.0


def leaps(f0: Float64, voicing: Float64) -> int:
    """Return how often the pitch moves more than 300 cents between neighbouring voiced frames."""
    voiced = voicing > 0.5
    return int(np.sum(voiced[1:] & voiced[:-1] & (np.abs(cents(f0[1:], f0[:-1])) > 300.0)))


@pytest.mark.parametrize("fall", [0.0, 0.25, 0.5])
@pytest.mark.parametrize("hz", [150.0, 200.0, 300.0])
def test_release_does_not_end_in_an_octave(hz: float, fall: float) -> None:
    """The odd harmonics of a note often die first, while its pitch falls: what is left is an octave up."""
    rate = 48000
    t = np.arange(round(0.7 * rate)) / rate
    since = np.maximum(0.0, t - 0.5)
    truth = hz * 2.0 ** (-fall * np.minimum(1.0, since / 0.1))
    odd = tone(truth, rate, tuple(k % 2 / k for k in range(1, 12))) * 10.0 ** (-since / 0.02)
    even = tone(truth, rate, tuple((1 - k % 2) / k for k in range(1, 12)))
    noise = 1e-4 * np.random.default_rng(5).standard_normal(t.size)
    f0, voicing = track((odd + 0.5 * even) * 10.0 ** (-since / 0.033) + noise, rate)
    assert leaps(f0, voicing) == 0
    assert voicing[5:50].min() > 0.9
    assert voicing[65:].max() < 0.5


@pytest.mark.parametrize("hz", [200.0, 290.0, 400.0])
def test_short_creak_does_not_drop_an_octave(hz: float) -> None:
    """For 60 ms every second period has half the amplitude, as in rough voice."""
    rate = 48000
    turns = hz * np.arange(round(0.9 * rate)) / rate
    rough = (turns > 0.5 * hz) & (turns < 0.56 * hz) & (np.floor(turns) % 2 == 1)
    x = 0.3 * (2.0 * (turns % 1.0) - 1.0) * np.where(rough, 0.5, 1.0)
    f0, voicing = track(x, rate)
    assert np.abs(cents(f0[5:-5], hz)).max() < 100.0
    assert voicing[5:-5].min() > 0.5


@pytest.mark.parametrize("hz", [70.0, 78.0, 90.0, 110.0])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_irregular_periods_do_not_interrupt_a_deep_voice(hz: float, seed: int) -> None:
    """Five periods in a second differ by up to 15 % in length, and in strength, as in a creaking bass."""
    rate = 16000
    rng = np.random.default_rng(seed)
    rough = slice(round(0.5 * hz), round(0.5 * hz) + 5)
    pitch, strength = np.full(round(hz), hz), np.ones(round(hz))
    pitch[rough] *= rng.uniform(0.85, 1.15, 5)
    strength[rough] = rng.uniform(0.5, 1.2, 5)
    samples = np.rint(rate / pitch).astype(int)
    _, voicing = track(tone(np.repeat(pitch, samples), rate) * np.repeat(strength, samples), rate)
    assert voicing[20:-20].min() > 0.5


@pytest.mark.parametrize("rate", RATES)
def test_declared_latency_is_the_measured_one(rate: int) -> None:
    half = rate // 2
    tracker = PitchTracker(rate)
    assert tracker.latency == 2 * hop_size(rate)
    f0, _ = track(tone(np.repeat([300.0, 318.0], half), rate), rate, tracker)
    # The two notes weigh the same in the frame centred on the step, and only there.
    crossing = np.interp(50.0, cents(f0[40:60], 300.0), np.arange(40, 60))
    assert abs(crossing - 50.0) < 0.1


def test_latency_does_not_hide_future_samples() -> None:
    rate = 48000
    hop = hop_size(rate)
    x = steady(300.0, rate).astype(np.float32)
    other = x.copy()
    other[20 * hop :] = 0.0
    one, two = PitchTracker(rate), PitchTracker(rate)
    for i in range(20):
        piece = slice(i * hop, (i + 1) * hop)
        assert one.process(x[piece]) == two.process(other[piece])


def test_reset_equals_a_fresh_tracker() -> None:
    rate = 44100
    noise = np.random.default_rng(1).standard_normal(rate // 2) * 0.1
    x = np.concatenate([steady(500.0, rate), noise])
    tracker = PitchTracker(rate)
    first = track(x, rate, tracker)
    tracker.reset()
    again = track(x, rate, tracker)
    assert np.array_equal(first, again)


@pytest.mark.parametrize("value", [1.0, 1e-20, 1e4])
def test_extreme_input_gives_finite_output(value: float) -> None:
    rate = 16000
    signs = np.sign(np.random.default_rng(2).standard_normal(rate // 4))
    for x in (np.full(rate // 4, value), signs * value, np.eye(1, rate // 4, 2000)[0] * value):
        track(x, rate)


@pytest.mark.parametrize("value", [np.nan, np.inf, 3e38])
def test_hop_that_is_not_finite_counts_as_silence(value: float) -> None:
    rate = 48000
    x = steady(300.0, rate, 0.8)
    x[9600:10080] = value
    f0, voicing = track(x, rate)
    assert np.isfinite(f0).all()
    assert np.isfinite(voicing).all()
    assert np.abs(cents(f0[35:-5], 300.0)).max() < 1.0
    assert voicing[35:-5].min() > 0.9


def test_dc_and_rumble_are_ignored() -> None:
    rate = 48000
    t = np.arange(rate) / rate
    x = steady(180.0, rate, 1.0) + 0.3 + 0.2 * np.sin(2.0 * np.pi * 12.0 * t)
    f0, voicing = track(x, rate)
    assert np.abs(cents(f0[30:-5], 180.0)).max() < 3.0
    assert voicing[30:-5].min() > 0.9
    _, voicing = track(x - steady(180.0, rate, 1.0), rate)
    assert voicing[30:-5].max() < 0.1


@pytest.mark.parametrize("peak_db", [-30.0, -60.0])
def test_rumble_has_no_high_pitch(peak_db: float) -> None:
    """At the lag of a high pitch any slow wave is like itself."""
    rate = 48000
    noise = np.fft.rfft(np.random.default_rng(6).standard_normal(3 * rate))
    noise[np.fft.rfftfreq(3 * rate, 1.0 / rate) > 200.0] *= 0.01
    rumble = np.fft.irfft(noise)
    x = np.concatenate(
        [vowel(220.0, rate, (700.0, 1100.0)), 10.0 ** (peak_db / 20.0) * rumble / np.std(rumble)]
    )
    f0, voicing = track(x, rate)
    assert not np.any((voicing[50:] > 0.5) & (f0[50:] > 600.0))


def test_wrong_shapes_and_rates_are_refused() -> None:
    with pytest.raises(ValueError, match="480"):
        PitchTracker(48000).process(np.zeros(441, np.float32))
    with pytest.raises(ValueError, match="22050"):
        PitchTracker(22050)


def test_periodicity_is_one_at_the_period_of_any_wave() -> None:
    random = np.random.default_rng(4)
    wave = np.fft.irfft(random.standard_normal(13) + 1j * random.standard_normal(13), 50)
    periodicity = Periodicity(600, [(0, 600), (200, 400)], (40, 400), 2, 1)
    functions = np.zeros((2, 360), np.float32)
    density = periodicity.process(np.tile(wave, 12).astype(np.float32)[None], functions[None])[0]
    lags = np.arange(40, 400) / 2.0
    for function in functions:
        assert np.allclose(function[np.isin(lags, [50.0, 100.0, 150.0])], 1.0, atol=3e-4)
        assert function[lags == 25.0] < 0.5
    power = 2.0 * density.sum(axis=1) / (periodicity.size * periodicity.energy)
    assert power == pytest.approx(np.mean(wave**2), rel=0.1)


@pytest.mark.parametrize("rate", RATES)
def test_decimator_passes_the_voice_and_stops_the_rest(rate: int) -> None:
    decimator = Decimator(rate)
    t = np.arange(rate // 2) / rate

    def level(hz: float) -> float:
        decimator.reset()
        x = np.sin(2.0 * np.pi * hz * t).astype(np.float32)
        y = decimator.process(x)
        return float(20.0 * np.log10(np.std(y[y.size // 2 :]) * np.sqrt(2.0) + 1e-9))

    assert abs(level(440.0)) < 0.1
    assert abs(level(2000.0)) < 0.5
    assert level(15.0) < -35.0
    if rate > 2.0 * 9000.0:
        assert level(9000.0) < -40.0

import numpy as np
import pytest

from livemusviz.bridge.sound import HOP, SAMPLE_RATE
from livemusviz.features.bands import band_levels, centroid_and_flatness
from livemusviz.features.spectrum import ShortSpectrum
from tests.features.extraction import extract, sine


def measured(frequency, level=0.5):
    return band_levels(power(sine(frequency, 0.2, level)))


def power(sound):
    spectrum, sound = ShortSpectrum(), sound.astype(np.float32)
    for start in range(0, len(sound) - HOP + 1, HOP):
        last = spectrum.step(sound[start : start + HOP])
    return np.square(last)


@pytest.mark.parametrize(
    ("frequency", "band"), [(60, 0), (110, 0), (300, 1), (440, 1), (1500, 1), (3000, 2), (8000, 2)]
)
def test_a_sine_lights_its_own_band(frequency, band):
    levels = measured(frequency)
    assert levels[band] == pytest.approx(0.5 / np.sqrt(2), rel=0.15)
    assert sum(levels) - levels[band] < 0.15 * levels[band]


@pytest.mark.parametrize("frequency", [15000, 20000])
def test_what_nobody_dances_to_is_left_out(frequency):
    assert max(measured(frequency)) < 0.01


def test_silence_is_zero():
    assert band_levels(power(np.zeros(HOP))) == (0.0, 0.0, 0.0)
    assert centroid_and_flatness(power(np.zeros(HOP))) == (0.0, 0.0)


@pytest.mark.parametrize("frequency", [440, 3000])
def test_the_centroid_of_a_sine_is_the_sine_and_a_tone_is_not_flat(frequency):
    centroid, flatness = centroid_and_flatness(power(sine(frequency, 0.2)))
    assert centroid == pytest.approx(frequency, rel=0.1)
    assert flatness < 0.01


def test_noise_is_flat_and_a_magnitude_of_one_is_a_full_scale_sine():
    noise = power(np.random.default_rng(1).normal(0, 0.1, SAMPLE_RATE // 4))
    assert centroid_and_flatness(noise)[1] > 0.4
    assert np.sqrt(power(sine(3000, 0.2, 1.0)).max()) == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize(("frequency", "name"), [(60, "bass"), (600, "mid"), (5000, "treble")])
def test_the_features_react_to_the_band_that_comes_in(frequency, name):
    """All bands play; then one is doubled: it alone rises above its usual 1.0."""
    rest = sum(sine(f, 4.0, 0.08) for f in (60, 600, 5000))
    sound = np.concatenate([rest, rest[: SAMPLE_RATE // 2] + sine(frequency, 0.5, 0.24)])
    features = extract(sound)
    before, after = features[round(3.9 * SAMPLE_RATE / HOP)], features[-1]
    assert [before.bass, before.mid, before.treble] == pytest.approx([1.0] * 3, rel=0.1)
    assert getattr(after, name) > 2.0
    assert all(getattr(after, other) < 1.2 for other in {"bass", "mid", "treble"} - {name})


def test_presence_is_slow_and_tells_of_the_bass_that_drops_out():
    bass, rest = sine(60, 8.0, 0.2), sine(600, 12.0, 0.1)
    rest[: len(bass)] += bass
    features = extract(rest)
    there, gone = features[round(7.9 * SAMPLE_RATE / HOP)], features[-1]
    assert there.bass_presence > 0.95 and gone.bass_presence < 0.05
    assert gone.mid_presence > 0.95


def test_a_kick_hits_the_bass_and_a_hat_the_treble():
    sound = sine(60, 2.0, 0.02) + sine(6000, 2.0, 0.01)
    at = round(1.0 * SAMPLE_RATE)
    fade = np.exp(-np.arange(9600) / 2400)
    kick, hat = sound.copy(), sound.copy()
    kick[at : at + 9600] += 0.6 * fade * sine(55, 0.2, 1.0)
    hat[at : at + 9600] += 0.2 * fade * np.diff(np.random.default_rng(4).normal(0, 1, 9601))

    def hits(what):
        struck = [f for f in extract(what) if 1.0 < f.time < 1.06]
        return [max(getattr(f, f"{name}_hit") for f in struck) for name in ("bass", "mid", "treble")]

    assert hits(kick)[0] > 0.3  # the tone that came out of nothing was the largest so far
    low, _, high = hits(hat)
    assert high > 0.8 and low < 0.3


def test_a_band_goes_out_within_half_a_second():
    features = extract(np.concatenate([sine(60, 2.0), np.zeros(SAMPLE_RATE // 2)]))
    assert features[-1].bass < 0.05

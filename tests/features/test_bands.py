import numpy as np
import pytest

from livemusviz.bridge.types import HOP, SAMPLE_RATE
from livemusviz.features.bands import Bands
from tests.features.heard import hear, sine


def measured(frequency, level=0.5):
    bands, sound = Bands(), sine(frequency, 0.2, level).astype(np.float32)
    for start in range(0, len(sound) - HOP + 1, HOP):
        last = bands.step(sound[start : start + HOP])
    return last


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
    assert Bands().step(np.zeros(HOP, np.float32)) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize(("frequency", "name"), [(60, "bass"), (600, "mid"), (5000, "treble")])
def test_the_features_react_to_the_band_that_comes_in(frequency, name):
    """All bands play; then one is doubled: it alone rises above its usual 1.0."""
    rest = sum(sine(f, 4.0, 0.08) for f in (60, 600, 5000))
    sound = np.concatenate([rest, rest[: SAMPLE_RATE // 2] + sine(frequency, 0.5, 0.24)])
    features = hear(sound)
    before, after = features[round(3.9 * SAMPLE_RATE / HOP)], features[-1]
    assert [before.bass, before.mid, before.treble] == pytest.approx([1.0] * 3, rel=0.1)
    assert getattr(after, name) > 2.0
    assert all(getattr(after, other) < 1.2 for other in {"bass", "mid", "treble"} - {name})


def test_a_band_goes_out_within_half_a_second():
    features = hear(np.concatenate([sine(60, 2.0), np.zeros(SAMPLE_RATE // 2)]))
    assert features[-1].bass < 0.05

import numpy as np

from livemusviz.bridge.sound import HOP, SAMPLE_RATE
from tests.drum_loop import drum_loop
from tests.features.extraction import extract

HOPS = SAMPLE_RATE / HOP


def groove(seconds, level=1.0):
    sound, _ = drum_loop(24)
    mono = sound.mean(axis=1) if sound.ndim == 2 else sound
    return level * np.resize(mono, round(seconds * SAMPLE_RATE))


def mean(features, name, start, end):
    return np.mean([getattr(f, name) for f in features[round(start * HOPS) : round(end * HOPS)]])


def noise(seconds, level):
    return level * np.random.default_rng(6).standard_normal(round(seconds * SAMPLE_RATE))


def tone(seconds, level):
    return level * np.sin(2 * np.pi * 330 * np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE)


def test_intensity_is_half_in_a_groove_rises_in_a_build_falls_in_a_break_and_rests_in_silence():
    build = groove(8.0, 0.3) + noise(8.0, 0.1) * np.linspace(0, 1, 8 * SAMPLE_RATE) ** 2
    parts = [groove(20.0, 0.3), build, tone(8.0, 0.02), groove(8.0, 0.3), np.zeros(5 * SAMPLE_RATE)]
    features = extract(np.concatenate(parts))
    steady, built, broken = (mean(features, "intensity", *span) for span in ((12, 20), (26.5, 28), (33, 36)))
    assert abs(steady - 0.5) < 0.12
    assert built > steady + 0.15
    assert broken < steady - 0.25
    assert features[-1].intensity < 0.05


def test_a_section_is_told_once_soon_after_it_began():
    features = extract(np.concatenate([groove(14.0, 0.4), tone(14.0, 0.05), groove(14.0, 0.4)]))
    told = [b.time for a, b in zip(features, features[1:], strict=False) if b.sections > a.sections]
    assert len(told) == 2
    assert 14.0 < told[0] < 18.0 and 28.0 < told[1] < 32.0


def test_a_groove_that_goes_on_is_one_section():
    assert extract(groove(24.0, 0.4))[-1].sections == 0

import math

import pytest

from livemusviz.features.follow import (
    GAIN_MAX,
    GATE_CLOSE,
    GATE_HOLD,
    GATE_OPEN,
    TARGET,
    AutomaticGain,
    Follower,
    NoiseGate,
    SlowAverage,
    weight,
)


def test_a_follower_reaches_63_percent_in_its_time_constant():
    follower = Follower(attack=0.1, release=0.4)
    for _ in range(100):
        follower.step(1.0, 0.001)
    assert follower.value == pytest.approx(1 - math.exp(-1), abs=1e-6)
    follower.value = 1.0
    for _ in range(100):
        follower.step(0.0, 0.004)
    assert follower.value == pytest.approx(math.exp(-1), abs=1e-6)


@pytest.mark.parametrize("pieces", [1, 3, 50])
def test_it_does_not_matter_how_often_a_follower_is_fed(pieces):
    follower = Follower(attack=0.1, release=0.1)
    for _ in range(pieces):
        follower.step(1.0, 0.25 / pieces)
    assert follower.value == pytest.approx(1 - math.exp(-2.5))


def test_no_time_no_change_and_no_time_constant_no_delay():
    assert weight(0.0, 1.0) == 0.0
    assert weight(0.01, 0.0) == 1.0
    average = SlowAverage(10.0)
    average.step(3.0, 0.0)
    assert average.value == 0.0


def test_a_slow_average_is_right_from_its_first_value_on():
    average = SlowAverage(tau=20.0)
    assert average.step(2.0, 0.005) == 2.0
    for _ in range(199):
        average.step(4.0, 0.005)
    assert average.value == pytest.approx(2.0 / 200 + 4.0 * 199 / 200)


def test_a_slow_average_forgets_with_its_time_constant():
    average = SlowAverage(tau=2.0)
    for _ in range(2000):
        average.step(1.0, 0.01)
    for _ in range(200):
        average.step(0.0, 0.01)
    assert average.value == pytest.approx(math.exp(-1), abs=0.01)


def test_the_gate_opens_at_once_holds_and_closes():
    gate = NoiseGate()
    assert not gate.step(GATE_OPEN * 0.9, 0.01)
    assert gate.step(GATE_OPEN, 0.01)
    quiet = 0.0
    while gate.step(GATE_CLOSE * 0.5, 0.01):
        quiet += 0.01
        assert quiet < 1.0
    assert quiet == pytest.approx(GATE_HOLD, abs=0.02)


def test_between_its_thresholds_the_gate_stays_as_it_is():
    between = math.sqrt(GATE_OPEN * GATE_CLOSE)
    gate = NoiseGate()
    assert not any(gate.step(between, 0.1) for _ in range(20))
    gate.step(1.0, 0.1)
    assert all(gate.step(between, 0.1) for _ in range(20))


@pytest.mark.parametrize("level", [0.01, 0.1, 1.0])
def test_the_automatic_gain_brings_every_level_to_the_target(level):
    gain = AutomaticGain()
    for _ in range(100):
        gain.step(level, 0.005, True)
    assert gain.gain * level == pytest.approx(TARGET)


def test_the_automatic_gain_never_lifts_silence():
    gain = AutomaticGain()
    for _ in range(100):
        gain.step(0.2, 0.005, True)
    before = gain.gain
    for _ in range(60_000):
        gain.step(1e-5, 0.005, False)
    assert gain.gain == before
    assert AutomaticGain().step(1e-12, 0.005, True) <= GAIN_MAX


def test_the_automatic_gain_falls_fast_and_rises_slowly():
    gain = AutomaticGain()
    for _ in range(100):
        gain.step(0.01, 0.005, True)
    for _ in range(40):  # 0.2 s of sound 20 dB louder
        gain.step(0.1, 0.005, True)
    assert gain.gain * 0.1 == pytest.approx(TARGET, rel=0.1)
    for _ in range(200):  # 1 s back at the old level
        gain.step(0.01, 0.005, True)
    assert gain.gain * 0.01 < 0.2 * TARGET

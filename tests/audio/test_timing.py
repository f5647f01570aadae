import random

import pytest

from livemusviz.audio.timing import GAP, PROOF, StreamTime

DT = 256 / 48000


def run(delays, drift=0.0, start=10.0):
    """Feed blocks captured at start + n DT (1 + drift), announced `delays[n]` too late. Returns times and losses."""
    clock, times, losses = StreamTime(), [], []
    for number, delay in enumerate(delays):
        heard = number * DT
        losses.append(clock.step(heard, start + heard * (1.0 + drift) + delay, DT))
        times.append(clock.at(heard))
    return times, losses


def test_a_steady_driver_is_believed_to_the_sample():
    times, losses = run([0.0] * 1000)
    assert times[-1] == pytest.approx(10.0 + 999 * DT, abs=1e-9)
    assert sum(losses) == 0.0


def test_late_callbacks_do_not_shake_the_time():
    rng = random.Random(1)
    times, losses = run([0.0 if rng.random() < 0.5 else rng.uniform(0.0, 0.03) for _ in range(4000)])
    errors = [time - (10.0 + number * DT) for number, time in enumerate(times)]
    assert max(errors) < 1e-3
    assert sum(losses) == 0.0


def test_time_never_goes_back_even_if_the_first_word_was_far_too_late():
    times, _ = run([1.5] + [0.0] * 4000)
    assert all(b > a for a, b in zip(times, times[1:], strict=False))
    assert times[-1] == pytest.approx(10.0 + 4000 * DT, abs=1e-3)


@pytest.mark.parametrize("drift", [1e-4, -1e-4])
def test_a_drifting_quartz_is_followed(drift):
    times, losses = run([0.0] * 20_000, drift=drift)
    assert times[-1] == pytest.approx(10.0 + 19_999 * DT * (1 + drift), abs=1e-3)
    assert sum(losses) == 0.0


def test_lost_sound_is_told_once_and_with_its_length():
    times, losses = run([0.0] * 200 + [0.4] * 400)
    assert [loss for loss in losses if loss] == [pytest.approx(0.4, abs=0.01)]
    assert times[-1] == pytest.approx(10.4 + 599 * DT, abs=1e-3)


def test_a_stall_that_is_caught_up_is_no_loss():
    """0.2 s late, then the buffered blocks come in a burst, with ever smaller delay."""
    burst = [max(0.0, 0.2 - n * DT) for n in range(100)]
    _, losses = run([0.0] * 200 + burst + [0.0] * 200)
    assert sum(losses) == 0.0


def test_losses_below_the_limit_are_not_gaps():
    _, losses = run([0.0] * 200 + [GAP * 0.9] * 500)
    assert sum(losses) == 0.0


def test_settling_takes_the_earliest_word():
    clock = StreamTime()
    for number, delay in enumerate([0.9, 0.02, 0.0, 0.05]):
        clock.settle(number * DT, 10.0 + number * DT + delay)
    assert clock.at(0.0) == pytest.approx(10.0)
    assert PROOF > GAP

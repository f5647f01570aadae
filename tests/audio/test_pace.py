"""A stream that is active and delivers too little."""

import numpy as np
import pytest

from livemusviz.audio.pace import FIRST_PAUSE, Pace


def verdicts(pace, seconds, speed, start=0.0):
    """Return when a stream of 48 kHz that delivers `speed` times as much is found wrong, s; a look each 50 ms."""
    found = []
    for look in range(int(seconds / 0.05)):
        now = look * 0.05
        if pace.wrong(start + now, int(now * 48000 * speed) // 256 * 256, 48000.0) is not None:
            found.append(now)
    return found


@pytest.mark.parametrize("speed", [0.5, 0.0, 2.0, 0.75])
def test_another_pace_is_found_within_two_seconds(speed):
    pace = Pace()
    delivered, found = 0.0, None
    for look in range(400):
        now = look * 0.05
        delivered += 2400 * (speed if now > 10.0 else 1.0)
        if (verdict := pace.wrong(now, int(delivered), 48000.0)) is not None:
            found = now, verdict
            break
    assert found is not None and 10.0 < found[0] < 12.0


@pytest.mark.parametrize("speed", [1.0, 0.99, 1.02, 0.9])
def test_clocks_that_drift_are_right(speed):
    assert verdicts(Pace(), 60.0, speed) == []


def test_a_hold_up_that_is_made_good_is_no_other_pace():
    pace, delivered = Pace(), 0
    for look in range(400):
        now = look * 0.05
        delivered = delivered if 5.0 < now < 5.25 else int(now * 48000)
        assert pace.wrong(now, delivered, 48000.0) is None


def test_a_busy_machine_holds_sound_up_unevenly():
    """Blocks come in lumps and late, at three quarters of their pace for seconds; at last they are all there."""
    rng, pace, delivered = np.random.default_rng(3), Pace(), 0.0
    for look in range(1200):
        due = look * 2400.0
        behind = 24_000.0 if look % 200 < 80 else 0.0  # up to half a second
        if rng.random() < 0.4:
            delivered = max(delivered, due - behind * rng.random())
        assert pace.wrong(look * 0.05, int(delivered), 48000.0) is None


def test_a_process_that_had_no_time_itself_says_nothing():
    pace = Pace()
    assert not any(pace.wrong(look * 0.4, look * 9600, 48000.0) for look in range(100))


def test_verdicts_get_rarer_where_opening_again_does_not_help():
    pace, when, start = Pace(), [], 0.0
    while start < 60.0:
        pace.restart()
        found = verdicts(pace, 60.0, 0.5, start)
        start += found[0] if found else 60.0
        when.append(start)
    gaps = [b - a for a, b in zip(when, when[1:], strict=False)]
    assert gaps[0] >= FIRST_PAUSE and gaps == sorted(gaps) and len(when) < 8

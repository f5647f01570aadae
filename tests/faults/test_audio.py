"""Faults of the sound: lost, silent, of another kind or damaged (F01 to F06)."""

from __future__ import annotations

import os
import signal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from livemusviz.audio import process
from livemusviz.audio.inprocess import InProcessAudio
from livemusviz.bridge.sound import CHANNELS, HOP, SAMPLE_RATE
from tests.audio import test_host, test_process, test_pulse
from tests.audio.test_capture import Tape, sine
from tests.audio.test_host import Show
from tests.audio.test_process import FakeSource
from tests.audio.test_pulse import until
from tests.drum_loop import write_drum_loop

listen = test_process.listen
rings = test_process.rings
show = test_host.show
loop = test_host.loop
host = test_pulse.host


def test_F01_audio_unplugged_is_reported_lost_by_name(listen, rings):
    opened, seen = listen(FakeSource(0.1, count=40))
    assert opened == [False]
    assert [seen[0].state, seen[-1].state] == ["starting", "lost"]
    assert "running" in [status.state for status in seen]
    assert "'fake' is gone" in seen[-1].message and seen[-1].device == "fake"
    assert rings[0].newest() == 40


def test_F01_audio_unplugged_lets_the_features_fade(show):
    show.until(lambda: show.features and show.features[-1].energy > 0.2)
    os.kill(show.host._process._process.pid, signal.SIGSTOP)
    show.until(lambda: show.host.latest().silent)
    fading = []
    show.until(lambda: fading.append(show.host.latest().energy) or fading[-1] < 0.1, within=2.0)
    assert fading == sorted(fading, reverse=True)
    assert not any(f.onset for f in show.features if f.silent)


@pytest.mark.parametrize("accident", ["sink removed", "server killed"])
def test_F01_audio_unplugged_is_noticed_and_found_again(pulse, host, tmp_path, accident):
    write_drum_loop(tmp_path / "loop.wav", bars=10)
    pulse.play(tmp_path / "loop.wav")
    until(host, lambda: host.latest().energy > 0.2, within=15.0)
    before = host.latest()

    if accident == "sink removed":
        pulse.pull()
    else:
        pulse.stop()
    assert until(host, lambda: host.status.state == "lost", within=5.0).seconds < 1.0
    assert host.status.message
    until(host, lambda: host.latest().energy < 0.02, within=3.0)
    assert host.latest().silent

    if accident == "sink removed":
        pulse.plug()
    else:
        pulse.start()
    pulse.play(tmp_path / "loop.wav")
    until(host, lambda: host.status.state == "running" and host.latest().energy > 0.2, within=20.0)
    assert host.status.restarts >= 1
    until(host, lambda: host.latest().onsets > before.onsets + 2, within=10.0)
    assert host.latest().sample == pytest.approx((host.clock.now() - host.epoch) * SAMPLE_RATE, abs=0.1 * SAMPLE_RATE)


def test_F02_audio_zombie_of_zeros_is_opened_once_more_and_then_only_told(listen, monkeypatch):
    monkeypatch.setattr(process, "SILENT_REOPEN", 0.2)
    monkeypatch.setattr(process, "SILENT_TELL", 0.5)
    opened, seen = listen(FakeSource(0.0), FakeSource(0.0, count=200))
    assert opened == [False, False]
    assert any("microphone permission" in status.message for status in seen)
    assert not any("permission" in status.message for status in seen[:5])


def test_F02_audio_zombie_that_says_nothing_is_killed_and_replaced(show):
    show.until(lambda: show.drain_features())
    pid = show.host._process._process.pid
    os.kill(pid, signal.SIGSTOP)
    assert show.until(lambda: show.host.status.state == "lost") < 1.5
    show.until(lambda: show.host.status.state == "running")
    assert show.host._process._process.pid != pid


def test_F03_no_audio_at_start_is_no_error(monkeypatch):
    monkeypatch.setenv("PULSE_SERVER", "unix:/nonexistent")
    show = Show(input="A card that nobody has")
    show.host.start()
    try:
        show.until(lambda: show.host.status.state == "lost" and "no audio input" in show.host.status.message)
        show.until(lambda: show.host.status.restarts >= 1)
        assert show.host.latest().silent and show.host.latest().energy == 0.0
        assert show.host.status.blocks == 0
    finally:
        show.host.close()


@pytest.mark.parametrize("rate", [8000, 16000, 44100, 48000, 88200, 96000, 192000])
@pytest.mark.parametrize("channels", [1, 2, 8])
def test_F04_rate_change_gives_the_same_tone_at_the_same_time(rate, channels):
    tape, sound = Tape(rate), sine(2.0, rate, channels)
    block = max(16, round(HOP * rate / SAMPLE_RATE))
    for start in range(0, len(sound), block):
        tape.feed(sound[start : start + block])
    out = tape.sound
    assert out.shape[1] == CHANNELS
    assert len(out) == pytest.approx(2 * SAMPLE_RATE, abs=3000)  # soxr holds some of it back
    # By phase: the tone must be where it belongs to a fraction of a hop, whatever was held back.
    middle = slice(SAMPLE_RATE // 2, SAMPLE_RATE)
    expected = sine(1.0)[middle]
    assert np.abs(out[middle] - expected).max() < 0.02


def test_F04_rate_change_keeps_a_clicks_time_within_a_hop():
    sound = np.zeros((44100, 2), np.float32)
    sound[22050] = 1.0
    tape = Tape(44100)
    for start in range(0, len(sound), 235):
        tape.feed(sound[start : start + 235])
    found = int(np.abs(tape.sound[:, 0]).argmax())
    assert tape.hops[found // HOP].time + (found % HOP) / SAMPLE_RATE == pytest.approx(0.5, abs=1e-4)


def test_F05_xrun_is_counted():
    tape = Tape()
    for flag in (False, True, True, False):
        tape.feed(np.zeros((HOP, 2), np.float32), overflow=flag)
    assert tape.capture.health.overflows == 2
    assert len(tape.hops) == 4


def test_F05_xruns_ask_the_driver_once_for_more_latency(listen):
    opened, seen = listen(FakeSource(0.1, overflow=True, count=900), FakeSource(0.1, overflow=True, count=600))
    assert opened == [False, True]
    counts = [status.overflows for status in seen]
    assert counts == sorted(counts) and counts[-1] > 600


@settings(max_examples=60, deadline=None)
@given(
    hnp.arrays(
        np.float32,
        st.tuples(st.integers(0, 700), st.integers(1, 4)),
        elements=st.floats(width=32, allow_nan=True, allow_infinity=True),
    )
)
def test_F06_bad_samples_leave_the_sound_and_the_features_sane(block):
    audio = InProcessAudio()
    tape = Tape()
    for piece in (block, np.full((HOP * 3, 2), 0.1, np.float32), block):
        tape.feed(piece)
        for features in audio.feed(piece):
            numbers = (features.level, features.rms, features.bass, features.mid, features.treble, features.energy)
            assert all(np.isfinite(value) and value >= 0.0 for value in numbers)
            assert 0.0 <= features.energy <= 1.0 and 0.0 <= features.onset_strength <= 1.0 and features.rms <= 1.5
    assert tape.capture.health.failures == 0
    assert np.isfinite(tape.sound).all() and np.abs(tape.sound).max() <= 1.0


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e9, -1e9])
def test_F06_bad_samples_become_zero_and_are_counted(bad):
    tape, block = Tape(), np.full((HOP, 2), 0.25, np.float32)
    block[7, 1] = bad
    tape.feed(block)
    assert tape.capture.health.damaged == 1
    assert tape.sound[7, 1] == 0.0
    assert np.count_nonzero(tape.sound != 0.25) == 1

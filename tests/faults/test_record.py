"""Faults of the recorder: a full, slow or missing disk, a kill (F21, F22)."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from livemusviz.bridge.sound import SAMPLE_RATE
from livemusviz.bridge.view import CanvasPicture
from livemusviz.errors import UserError
from livemusviz.record import files
from livemusviz.record.loop import Recorder, RecordSummary
from tests.record import test_loop
from tests.record.test_loop import (
    CLOCK,
    KILLED,
    SIZE,
    SlowEncoder,
    decode,
    decode_pictures,
    finished,
    grey,
    show,
    wait_until,
)

recorder = test_loop.recorder
microphone = test_loop.microphone


def test_F21_disk_full_ends_the_recording_and_says_so(tmp_path: Path) -> None:
    full = SlowEncoder(fault=OSError(28, "No space left on device"), good=5)
    recorder = Recorder(tmp_path, SIZE, CLOCK, list, open_encoder=lambda path: full)
    recorder.start()
    show(recorder, 0.5)
    wait_until(lambda: recorder.status.state == "error")
    assert "No space left" in recorder.status.message and full.closed and not recorder.recording
    assert "No space left" in finished(recorder).error


def test_F21_disk_full_refuses_to_start_and_ends_what_runs(
    tmp_path: Path, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = [600_000_000]
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=free[0]))
    path = recorder.start()
    show(recorder, 0.4)
    free[0] = 49_000_000
    wait_until(lambda: recorder.status.state == "error")
    summary = finished(recorder)
    assert "nearly full" in summary.error
    assert len(decode(path)[0]) >= 12  # finished cleanly all the same
    with pytest.raises(UserError, match="49 MB free"):
        recorder.start()


def test_F21_disk_full_for_real(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", tmp_path], capture_output=True)
    if mounted.returncode:
        pytest.skip("no right to mount a tmpfs here")
    try:
        monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=600_000_000))
        recorder = Recorder(tmp_path, SIZE, CLOCK, list)
        path, noise = recorder.start(), np.random.default_rng(0)
        for _ in range(300):
            recorder.put(CanvasPicture(noise.integers(0, 255, (SIZE[1], SIZE[0], 4), np.uint8), CLOCK.now()))
            if not recorder.recording:
                break
            time.sleep(1 / 60)
        summary = finished(recorder)
        assert "No space left" in summary.error
        assert len(decode_pictures(path)) > 0
    finally:
        subprocess.run(["umount", tmp_path], check=True)


def test_F21_disk_that_stalls_is_waited_for_by_nobody_else(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    """F21: everything that touches the disk is the recorder thread's, so a disk that stalls holds up nobody else."""
    answers, made = threading.Event(), files.create_exact

    def stalled(path: Path, overwrite: bool = False) -> Path:
        assert answers.wait(20.0)
        return made(path, overwrite)

    monkeypatch.setattr(files, "create_exact", stalled)
    recorder.begin("one")  # returns, though the file cannot be made yet
    assert recorder.recording and recorder.status.path is None
    with pytest.raises(UserError, match="already recording"):
        recorder.begin("again")
    recorder.end()
    recorder.begin("two")  # the first one is still to be finished
    assert recorder.take_finished() == []
    answers.set()
    wait_until(lambda: recorder.status.path is not None)
    show(recorder, 0.5)
    recorder.end()
    taken = list[RecordSummary]()
    wait_until(lambda: taken.extend(recorder.take_finished()) or len(taken) == 2)
    assert [summary.path.stem.rpartition("_")[2] for summary in taken] == ["one", "two"]
    assert [summary.error for summary in taken] == ["", ""] and recorder.take_finished() == []
    assert len(decode(taken[1].path)[0]) > 5


def test_F22_recorder_slow_drops_pictures_and_never_makes_the_display_wait(tmp_path: Path) -> None:
    slow = SlowEncoder(seconds=0.15)
    recorder = Recorder(tmp_path, SIZE, CLOCK, list, open_encoder=lambda path: slow)
    recorder.start()
    longest, end = 0.0, CLOCK.now() + 3.0
    while (now := CLOCK.now()) < end:
        recorder.put(CanvasPicture(grey(1), now))
        longest = max(longest, CLOCK.now() - now)
        time.sleep(1 / 60)
    lag = recorder.status.seconds - slow.slots[-1] / 30
    slow.release.set()
    summary = finished(recorder)
    assert longest < 0.02
    assert summary.dropped > 30 and recorder.status.dropped == summary.dropped
    assert slow.slots == sorted(set(slow.slots)) and slow.closed
    assert lag < 2.5  # slots are left out: the file's time stays true


def test_F22_recorder_that_hangs_cannot_hold_up_the_end(tmp_path: Path) -> None:
    stuck = SlowEncoder(seconds=60)
    recorder = Recorder(tmp_path, SIZE, CLOCK, list, open_encoder=lambda path: stuck)
    recorder.start()
    show(recorder, 0.2)
    began = time.monotonic()
    summary = recorder.stop(timeout=0.3)
    assert time.monotonic() - began < 0.6
    assert summary is not None and "not finished" in summary.error
    stuck.release.set()


def test_F22_recorder_killed_loses_at_most_the_last_second(tmp_path: Path) -> None:
    path, root = tmp_path / "killed.mp4", str(Path(__file__).parents[2])
    child = subprocess.Popen([sys.executable, "-c", KILLED, str(path), root], stdout=subprocess.PIPE)
    assert child.stdout is not None and child.stdout.readline() == b"started\n"
    began = time.monotonic()
    time.sleep(2.93)  # just before a fragment is due: the worst moment
    os.kill(child.pid, signal.SIGKILL)
    lived = time.monotonic() - began
    child.wait()
    child.stdout.close()
    times, _, sound = decode(path)
    assert times[-1] + 1 / 30 >= lived - 1.1
    assert len(sound) / SAMPLE_RATE >= lived - 1.1

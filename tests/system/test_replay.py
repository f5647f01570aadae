"""A set recorded live and rendered again from its log, by the program itself."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from demo.measure import read_film
from livemusviz.record.showlog import read_log
from tests.system.shows import LiveShow
from tests.tracks import clicks

pytestmark = pytest.mark.system


def redder(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Of each picture its time, s, and whether it is red rather than blue."""
    film = read_film(path)
    pictures = film.pictures.astype(float)
    return film.times, pictures[..., 0].mean(axis=(1, 2)) > pictures[..., 2].mean(axis=(1, 2))


def test_a_live_set_is_rendered_again_from_its_log(tmp_path: Path) -> None:
    clicks(tmp_path / "track.wav", 20.0)
    recording, again = tmp_path / "set.mp4", tmp_path / "again.mp4"
    words = ["--input", str(tmp_path / "track.wav"), "--record", str(recording), "--prompt", "deep blue ocean"]
    show = LiveShow(tmp_path, *words, "--fade", "0.3", "--size", "64", "--canvas", "160x96")
    try:
        show.wait_until_drawing()
        log_path = recording.with_suffix(".jsonl")
        show.wait_for(lambda: log_path.read_text().count('"walk":[') >= 32, "a second of blue")
        show.osc("/prompt", "s", "red lava")
        show.wait_for(lambda: '"prompt":"red lava"' in log_path.read_text(), "the change")
        before = log_path.read_text().count('"walk":[')
        show.wait_for(lambda: log_path.read_text().count('"walk":[') >= before + 64, "two seconds of red")
        show.end()
    finally:
        show.kill()
    log = read_log(log_path)
    ((cued, changed),) = [(time, changed) for time, changed in log.changes if "prompt" in changed]
    assert changed["prompt"] == "red lava" and log.latents == (4, 4) and len(log.walk) > 20
    program = [sys.executable, "-m", "livemusviz", "render", "--from-log", str(log_path)]
    subprocess.run([*program, "-o", str(again), "--size", "128"], check=True, capture_output=True, timeout=120)
    ends = []
    for times, red in (redder(recording), redder(again)):  # a busy machine leaves pictures of the live one out
        assert not red[(times > 1.0) & (times < cued)].any() and red[times > cued + 1.5].all()
        ends.append(times[-1])
    assert ends[0] == pytest.approx(ends[1], abs=0.15)

"""Several processes paint one film: `mlx.launch` with the ring, on this machine."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest

from tests.tracks import clicks

pytestmark = pytest.mark.system

LAUNCH = Path(sys.executable).with_name("mlx.launch")
PROGRAM = Path(sys.executable).with_name("livemusviz")
WORDS = ["--size", "64", "--canvas", "160x96", "--latent-feedback-strength", "0.7", "--until", "1.3", "--batch", "8"]


def free_ports(count: int) -> int:
    """The first of `count` ports in a row that nobody listens on."""
    for base in range(41_000 + os.getpid() % 5000, 60_000, count):
        sockets = [socket.socket() for _ in range(count)]
        try:
            for i, each in enumerate(sockets):
                each.bind(("127.0.0.1", base + i))
            return base
        except OSError:
            continue
        finally:
            for each in sockets:
                each.close()
    raise AssertionError("no free ports")


def launch(ranks: int, *words: str) -> subprocess.CompletedProcess[str]:
    command = [str(LAUNCH), "-n", str(ranks), "--backend", "ring", "-p", str(free_ports(ranks)), str(PROGRAM), *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def film(path: Path) -> np.ndarray:
    with av.open(str(path)) as file:
        return np.array([frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)]).astype(float)


def test_several_processes_paint_what_one_does(tmp_path: Path) -> None:
    """Three: the shares of a batch differ, and one has neighbours on both sides of the ring."""
    ranks = 3
    track = tmp_path / "track.wav"
    clicks(track, 2.0)
    one, many, stats = (tmp_path / name for name in ("one.mp4", "many.mp4", "stats.json"))
    subprocess.run([PROGRAM, "render", track, "-o", one, *WORDS], check=True, capture_output=True, timeout=120)
    done = launch(ranks, "render", str(track), "-o", str(many), *WORDS, "--stats", str(stats))
    assert many.exists(), done.stdout + done.stderr
    assert json.loads(stats.read_text())["ranks"] == ranks
    a, b = film(one), film(many)
    assert a.shape == b.shape == (39, 96, 160, 3)
    errors = np.abs(a - b).mean(axis=(1, 2, 3)) / 255
    assert np.median(errors) < 1e-4
    assert errors.max() < 3e-3  # a level may change what the encoder decides, up to its next key frame


def test_what_cannot_be_ends_all_of_them(tmp_path: Path) -> None:
    clicks(tmp_path / "track.wav", 1.0)
    done = launch(2, "render", str(tmp_path / "track.wav"), "-o", str(tmp_path / "none" / "film.mp4"), *WORDS)
    assert "there is no folder" in done.stdout + done.stderr

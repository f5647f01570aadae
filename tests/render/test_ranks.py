"""Several processes paint one film: `mlx.launch` with the ring, on this machine."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

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


def launch(ranks: int, program: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [str(LAUNCH), "-n", str(ranks), "--backend", "ring", "-p", str(free_ports(ranks)), str(program), *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


RENDER = """
import sys
import numpy as np
from livemusviz.cli import entry
from livemusviz.record.movie import Movie

pictures, encode = [], Movie.picture
Movie.picture = lambda movie, pixels, slot: (pictures.append(pixels.copy()), encode(movie, pixels, slot))
status = entry()
np.save(sys.argv[sys.argv.index("-o") + 1] + ".npy", pictures) if pictures else None
raise SystemExit(status)
"""
"""The program, which also keeps the pictures as they go into the encoder: one level there may be many in the film."""


def test_several_processes_paint_what_one_does(tmp_path: Path) -> None:
    """Three: the shares of a batch differ, and one has neighbours on both sides of the ring."""
    ranks = 3
    track, program = tmp_path / "track.wav", tmp_path / "render.py"
    clicks(track, 2.0)
    program.write_text(RENDER)
    one, many, stats = (tmp_path / name for name in ("one.mp4", "many.mp4", "stats.json"))
    alone = [sys.executable, program, "render", track, "-o", one, *WORDS]
    subprocess.run(alone, check=True, capture_output=True, timeout=120)
    done = launch(
        ranks, Path(sys.executable), str(program), "render", str(track), "-o", str(many), *WORDS, "--stats", str(stats)
    )
    assert many.exists(), done.stdout + done.stderr
    assert json.loads(stats.read_text())["ranks"] == ranks
    a, b = (np.load(f"{film}.npy").astype(float) for film in (one, many))
    assert a.shape == b.shape == (39, 96, 160, 4) and a[..., :3].std() > 20
    assert np.abs(a - b).mean(axis=(1, 2, 3)).max() / 255 < 1e-3


def test_what_cannot_be_ends_all_of_them(tmp_path: Path) -> None:
    clicks(tmp_path / "track.wav", 1.0)
    done = launch(2, PROGRAM, "render", str(tmp_path / "track.wav"), "-o", str(tmp_path / "none" / "film.mp4"), *WORDS)
    assert "there is no folder" in done.stdout + done.stderr

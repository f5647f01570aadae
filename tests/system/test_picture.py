"""A real show that paints by a clip: the bright part of its pictures follows the clip's; what is refused is told."""

from __future__ import annotations

import math
from pathlib import Path

import av
import numpy as np
import pytest

from tests.sources.clips import plain, write_clip
from tests.system.shows import LiveShow

pytestmark = [pytest.mark.system, pytest.mark.slow]

FPS, SIZE, SIDE = 20, 128, 36
TURN = 3.0  # s, in which the square goes round once
MOST_LAG = TURN  # s between the beginnings of clip and recording, as far as they can be told apart
FRAMES = 60  # generated, to tell a path by


def centre(time: np.ndarray | float) -> tuple[np.ndarray, np.ndarray]:
    """Return the square's middle at a time of the clip, shares of the picture."""
    angle = 2.0 * math.pi * np.asarray(time) / TURN
    return 0.5 + 0.3 * np.sin(angle), 0.5 + 0.3 * np.sin(2.0 * angle)


def write_square(path: Path) -> Path:
    pictures = []
    for i in range(round(TURN * FPS)):
        picture = plain((26, 26, 30), (SIZE, SIZE))
        x, y = (round(float(share) * SIZE - SIDE / 2) for share in centre(i / FPS))
        picture[y : y + SIDE, x : x + SIDE] = 245
        pictures.append(picture)
    return write_clip(path, pictures, fps=FPS)


def bright_path(film: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return the times of a film's pictures, s, and the middle of the bright part of each, shares (n, 2)."""
    times, places = [], []
    with av.open(str(film)) as file:
        for frame in file.decode(video=0):
            light = frame.to_ndarray(format="gray").astype(float)
            weight = np.clip(light - np.quantile(light, 0.9), 0.0, None)
            rows, columns = np.mgrid[: light.shape[0], : light.shape[1]]
            total = weight.sum() + 1e-9
            times.append(frame.time)
            places.append(
                ((weight * columns).sum() / total / light.shape[1], (weight * rows).sum() / total / len(light))
            )
    return np.array(times), np.array(places)


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def test_the_bright_part_of_the_pictures_follows_a_clip(tmp_path: Path) -> None:
    clip = write_square(tmp_path / "square.mp4")
    words = ("--picture", f"video:{clip}", "--strength", "0.4", "--size", str(SIZE), "--record-source", "frames")
    show = LiveShow(tmp_path, *words, "--record", str(tmp_path / "set.mp4"))
    try:
        show.wait_until_drawing()
        show.osc("/picture", "s", "webcam:1")
        show.wait_for(lambda: "no source of the kind 'webcam'" in show.log(), "a refusal")
        show.osc("/picture", "s", "/etc/passwd")
        show.wait_for(lambda: "start the show with --pictures FOLDER" in show.log(), "a refusal")
        computed = lambda: sum('"computed": true' in line for line in lines(show.trace_path))  # noqa: E731
        before = computed()
        show.wait_for(lambda: computed() >= before + FRAMES, "frames", within=60.0)
        show.end()
    finally:
        show.kill()
    figures = show.stats()
    assert figures["picture"]["state"] == "running" and figures["picture"]["restarts"] == 0
    times, places = bright_path(tmp_path / "set.mp4")
    places, times = places[-FRAMES:], times[-FRAMES:]
    best = max(
        min(np.corrcoef(axis, seen)[0, 1] for axis, seen in zip(centre(times + lag), places.T, strict=True))
        for lag in np.arange(0.0, MOST_LAG, 0.02)
    )
    assert best >= 0.8

"""A film's encoder: the same pictures make the same bits, whatever lies in memory around them."""

from __future__ import annotations

import hashlib
from fractions import Fraction

import numpy as np
import pytest

from livemusviz.record.h264 import converted
from livemusviz.record.movie import MovieSettings, _open_encoder

SIZE, FPS = (160, 96), Fraction(30)
PICTURES, TIMES = 30, 1500


def pictures() -> list[np.ndarray]:
    """Clouds that move and grow lighter, uint8 RGBA."""
    noise = np.random.default_rng(3).normal(size=(4, 7, 12, 3))
    y, x = np.mgrid[0 : SIZE[1], 0 : SIZE[0]] / 16.0
    made = []
    for i in range(PICTURES):
        light = np.zeros((SIZE[1], SIZE[0], 3))
        for k, plane in enumerate(noise):
            rows, columns = (y + 0.03 * i * k).astype(int) % 7, (x + 0.05 * i).astype(int) % 12
            light += plane[rows, columns] * np.sin(0.7 * x * (k + 1) + 0.2 * i)[..., None]
        rgb = np.clip(128 + 30 * light + 2 * i, 0, 255)
        made.append(np.dstack([rgb, np.full(rgb.shape[:2], 255)]).astype(np.uint8))
    return made


@pytest.mark.slow
def test_the_same_pictures_make_the_same_bits() -> None:
    frames, digests = pictures(), set()
    for _ in range(TIMES):
        encoder, digest = _open_encoder(MovieSettings(*SIZE, FPS)), hashlib.sha256()
        for i, pixels in enumerate(frames):
            frame = converted(pixels, SIZE)
            frame.pts, frame.time_base = i, 1 / FPS
            for packet in encoder.encode(frame):
                digest.update(bytes(packet))
        for packet in encoder.encode(None):
            digest.update(bytes(packet))
        digests.add(digest.hexdigest())
    assert len(digests) == 1

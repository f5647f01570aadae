"""Scores of others for how well a picture follows a sound, for benchmarks/dance.py. Needs the extra `scores`.

AV-Align       Yariv et al., "Diverse and Aligned Audio-to-Video Generation via Text-to-Video Model Adaptation", 2023:
               onsets of the sound (librosa) and local maxima of the mean optical flow (Farneback) that lie less than a
               picture apart, over their union; pictures at 30 a second
beat alignment Li et al., "AI Choreographer: Music Conditioned 3D Dance Generation with AIST++", 2021: the mean of
               exp(-d^2 / 2 sigma^2), d the distance to the nearest beat of the other kind, sigma 50 ms; over the beats
               of the motion, and over those of the music. A beat of the motion is a peak of the flow.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

FPS = 30  # pictures a second
SIGMA = 0.05  # s
FLOW = (0.5, 3, 15, 3, 5, 1.2, 0)  # Farneback's pyramid scale, levels, window, iterations, poly_n, poly_sigma, flags
GREY = np.array([0.299, 0.587, 0.114], np.float32)


def grey(picture: np.ndarray) -> np.ndarray:
    """Return the luma of a picture, uint8 (H, W, 3), as uint8 (H, W)."""
    return (picture.astype(np.float32) @ GREY + 0.5).astype(np.uint8)


def mean_flow(pictures: Iterable[np.ndarray]) -> np.ndarray:
    """Return the mean length of the optical flow from each picture to the next, pixels, (n - 1,).

    pictures : uint8 (H, W), at `FPS`.
    """
    import cv2

    flows, before = [], None
    for picture in pictures:
        if before is not None:
            flow = cv2.calcOpticalFlowFarneback(before, picture, None, *FLOW)
            flows.append(float(np.hypot(flow[..., 0], flow[..., 1]).mean()))
        before = picture
    return np.array(flows)


def onset_times(mono: np.ndarray, rate: int) -> np.ndarray:
    """Return librosa's onsets, s. mono : float32 (samples,)."""
    import librosa

    return np.asarray(librosa.onset.onset_detect(y=mono, sr=rate, units="time"))


def local_maxima(times: np.ndarray, curve: np.ndarray) -> np.ndarray:
    """Return the times at which a curve is larger than at both neighbours, s. Both (n,)."""
    inner = (curve[1:-1] > curve[:-2]) & (curve[1:-1] > curve[2:])
    return times[1:-1][inner]


def av_align(onsets: np.ndarray, maxima: np.ndarray) -> float:
    """Return the intersection of both kinds of times, s, over their union: 0..1."""
    if not len(onsets) or not len(maxima):
        return 0.0
    matched = int((nearest(onsets, maxima) < 1.0 / FPS).sum())
    return matched / (len(onsets) + len(maxima) - matched)


def beat_alignment(of: np.ndarray, to: np.ndarray) -> float:
    """Return the mean over `of` of exp(-d^2 / 2 sigma^2), d the distance to the nearest of `to`: 0..1. Both s."""
    if not len(of) or not len(to):
        return 0.0
    return float(np.exp(-(nearest(of, to) ** 2) / (2.0 * SIGMA**2)).mean())


def nearest(of: np.ndarray, to: np.ndarray) -> np.ndarray:
    """Return the distance of each of `of` to the nearest of `to`, s."""
    return np.abs(of[:, None] - to).min(axis=1)

"""Measures which hue a picture has."""

from __future__ import annotations

import colorsys

import numpy as np

HUE_TOLERANCE = 25.0


def dominant_hue(image: np.ndarray) -> float:
    """Degrees: the peak of the hue histogram (36 bins, smoothed round the circle) weighted by saturation x value."""
    small = image.reshape(-1, 3)[::7]
    hue, saturation, value = np.array([colorsys.rgb_to_hsv(*pixel) for pixel in small]).T
    histogram, _ = np.histogram(hue, 36, (0, 1), weights=saturation * value)
    smooth = histogram + 0.5 * (np.roll(histogram, 1) + np.roll(histogram, -1))
    return float(np.argmax(smooth) * 10 + 5)


def hue_error(a: float, b: float) -> float:
    """Return the angle between two hues, degrees."""
    return abs((a - b + 180) % 360 - 180)

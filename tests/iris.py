"""EA IRIS, by its Python port, on pictures in memory."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from iris_pse_detection import configuration, flash_detection


def watch(pictures: Iterable[np.ndarray], fps: float, size: tuple[int, int]) -> Any:
    """Return its `FlashDetection` after a film.  pictures : uint8 (H, W, 3), RGB.  size : (H, W)."""
    detector = flash_detection.FlashDetection(fps, size, configuration.Configuration())
    for i, picture in enumerate(pictures):
        detector.set_current_frame(np.ascontiguousarray(picture[..., ::-1]))
        detector.analyse_frame(i)
    return detector

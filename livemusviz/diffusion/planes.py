"""Makes the coordinate planes of frames. Engine thread."""

import mlx.core as mx
import numpy as np

from livemusviz.diffusion import coordinates


def picture_planes(height: int, width: int, count: int) -> mx.array:
    """Return the coordinate planes of a whole picture of that many latent cells, float32 (1, height, width, count)."""
    return mx.array(coordinates.coordinate_planes(*coordinates.cell_coordinates(height, width), count)[None])


class PicturePlanes:
    """The coordinate planes of frames of one size. With `pan` or `zoom` each frame's noise chooses its view."""

    def __init__(self, height: int, width: int, count: int, pan: float = 0.0, zoom: float = 0.0) -> None:
        """
        height, width : latent cells.
        count : of planes.
        pan, zoom : see `coordinates.view`.
        """
        self.count, self._pan, self._zoom = count, pan, zoom
        self._u, self._v = (x.astype(np.float32) for x in coordinates.cell_coordinates(height, width))
        self._still = picture_planes(height, width, count)

    def __call__(self, noise: np.ndarray) -> mx.array | None:
        """Return the planes of frames by their unit noise, (B, h, w, c): float32 (B, h, w, count). None for none."""
        if not self.count:
            return None
        if not (self._pan or self._zoom):
            return mx.broadcast_to(self._still, (*noise.shape[:3], self.count))
        frames = [mx.array(self._seen(frame)[None]) for frame in noise]
        return frames[0] if len(frames) == 1 else mx.concatenate(frames)

    def _seen(self, noise: np.ndarray) -> np.ndarray:
        """Return the planes in one frame's view, float32 (h, w, count)."""
        scale, right, down = coordinates.view(noise, self._pan, self._zoom)
        return coordinates.coordinate_planes(scale * self._u + right, scale * self._v + down, self.count)

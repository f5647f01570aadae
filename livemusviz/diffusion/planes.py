"""Makes the coordinate planes of frames. Engine thread."""

import mlx.core as mx

from livemusviz.diffusion.coordinates import cell_places, coordinate_planes, in_view


def picture_planes(height: int, width: int, count: int) -> mx.array:
    """Return the coordinate planes of a whole picture of that many latent cells, float32 (1, height, width, count)."""
    return mx.array(coordinate_planes(cell_places(height, width), count)[None])


class PicturePlanes:
    """The coordinate planes of frames of one size. With `pan` or `zoom` each frame's noise chooses its view."""

    def __init__(self, height: int, width: int, count: int, pan: float = 0.0, zoom: float = 0.0) -> None:
        """
        height, width : latent cells.
        count : of planes.
        pan, zoom : see `coordinates.in_view`.
        """
        self.count, self._pan, self._zoom = count, pan, zoom
        self._places = mx.array(cell_places(height, width))
        self._still = picture_planes(height, width, count)

    def __call__(self, noise: mx.array) -> mx.array | None:
        """Return the planes of frames by their unit noise, (B, h, w, c): float32 (B, h, w, count). None for none.

        They are begun at once, to be computed while the rest of the frame is put together.
        """
        if not self.count:
            return None
        if not (self._pan or self._zoom):
            return mx.broadcast_to(self._still, (*noise.shape[:3], self.count))
        planes: mx.array = coordinate_planes(in_view(self._places, noise, self._pan, self._zoom, mx), self.count, mx)
        mx.async_eval(planes)
        return planes

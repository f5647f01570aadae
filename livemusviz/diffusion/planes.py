"""Makes the coordinate planes of a picture, and convolves latents that are joined with them. Engine thread."""

import mlx.core as mx
import numpy as np

from livemusviz.diffusion import coordinates
from livemusviz.diffusion.streams import OWN, Streams
from livemusviz.diffusion.winograd import Winograd


def picture_planes(height: int, width: int, count: int) -> mx.array:
    """Return the coordinate planes of a whole picture of that many latent cells, float32 (1, height, width, count)."""
    return mx.array(coordinates.coordinate_planes(*_coordinates(height, width), count)[None])


def _coordinates(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Return u (1, width) and v (height, 1) of the cells' middles; the shorter side spans (-1, 1)."""
    shorter = min(height, width)
    u = ((2 * np.arange(width) + 1 - width) / shorter)[None, :]
    v = ((2 * np.arange(height) + 1 - height) / shorter)[:, None]
    return u, v


class PicturePlanes:
    """The coordinate planes of frames of one size. With `pan` or `zoom` each frame's noise chooses its view."""

    def __init__(self, height: int, width: int, count: int, pan: float = 0.0, zoom: float = 0.0) -> None:
        """
        height, width : latent cells.
        count : of planes.
        pan, zoom : see `coordinates.view`.
        """
        self.count, self._pan, self._zoom = count, pan, zoom
        self._u, self._v = (mx.array(x.astype(np.float32)) for x in _coordinates(height, width))
        self._still = picture_planes(height, width, count)

    def __call__(self, noise: mx.array) -> mx.array:
        """Return the planes of frames by their unit noise, (B, h, w, c): float32 (B, h, w, count)."""
        B, h, w, _ = noise.shape
        if not (self._pan or self._zoom):
            return mx.broadcast_to(self._still, (B, h, w, self.count))
        means = noise[..., coordinates.VIEW_CHANNELS].astype(mx.float32).mean(axis=(1, 2))
        scale, right, down = (x[:, None, None] for x in coordinates.view(means, h * w, self._pan, self._zoom, mx))
        planes: mx.array = coordinates.coordinate_planes(
            scale * self._u + right, scale * self._v + down, self.count, mx
        )
        return planes


class JoinedConvolution:
    """A 3x3 convolution of latents whose last channels are coordinate planes, by Winograd's filtering on a CPU.

    For planes that are the same in every frame of a size: their share of the result is computed once.
    """

    def __init__(self, weight: mx.array, planes: int, streams: Streams = OWN) -> None:
        """weight : float32 (O, 3, 3, C).  planes : how many of the C channels are planes."""
        self._count = planes
        of_latents, self._of_planes = weight[..., :-planes], weight[..., -planes:]
        mx.eval(of_latents, self._of_planes)  # frames are made on another thread
        self._of_latents = Winograd(of_latents, streams)
        self._shares: dict[tuple[int, int], mx.array] = {}

    def __call__(self, x: mx.array, bias: mx.array | None) -> mx.array:
        """x : float32 (B, H, W, C), the planes of a whole picture last.  bias : (O,).  Returns (B, H, W, O)."""
        _, H, W, _ = x.shape
        return self._of_latents(x[..., : -self._count], bias) + self._share(H, W)

    def _share(self, height: int, width: int) -> mx.array:
        """Return what the planes add to the result, (1, height, width, O), evaluated."""
        if (height, width) not in self._shares:
            share = mx.conv2d(picture_planes(height, width, self._count), self._of_planes, padding=1)
            mx.eval(share)
            self._shares[height, width] = share
        return self._shares[height, width]

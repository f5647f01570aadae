"""Makes the coordinate planes of a picture, and convolves latents that are joined with them. Engine thread."""

import mlx.core as mx
import numpy as np

from livemusviz.diffusion import coordinates
from livemusviz.diffusion.streams import OWN, Streams
from livemusviz.diffusion.winograd import Winograd


def picture_planes(height: int, width: int, count: int) -> mx.array:
    """Return the coordinate planes of a whole picture of that many latent cells, float32 (1, height, width, count)."""
    shorter = min(height, width)
    u = ((2 * np.arange(width) + 1 - width) / shorter)[None, :]
    v = ((2 * np.arange(height) + 1 - height) / shorter)[:, None]
    return mx.array(coordinates.coordinate_planes(u, v, count)[None])


class JoinedConvolution:
    """A 3x3 convolution of latents whose last channels are coordinate planes, by Winograd's filtering on a CPU.

    The planes are the same in every frame of a size, so their share of the result is computed once.
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

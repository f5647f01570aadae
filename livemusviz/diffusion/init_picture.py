"""Holds the picture that frames start from, as latents: encoded only when it is a new one. Engine thread."""

from __future__ import annotations

import mlx.core as mx
import numpy as np

from livemusviz.bridge.sources import SourcePicture
from livemusviz.diffusion.frame import Init
from livemusviz.diffusion.model import ModelParts
from livemusviz.errors import UserError

STRENGTHS = 20
"""Number of strengths between which a schedule of several noise levels distinguishes."""


class InitPicture:
    """The picture of one pipeline.

    latents : clean, float32 (1, h, w, c); None starts from noise alone.  strength : 0..1, how far from it.
    """

    def __init__(self, parts: ModelParts, size: tuple[int, int], name: str) -> None:
        """size : (height, width) of the pictures, pixels.  name : of the model, for messages."""
        self._parts, self._size, self._name = parts, size, name
        self._picture: SourcePicture | None = None  # whose latents they are, if it came with the controls
        self.latents: mx.array | None = None
        self.strength = parts.spec.sampling.strength

    @property
    def can_read(self) -> bool:
        """Return True if the autoencoder can encode a picture."""
        return hasattr(self._parts.vae, "encode") and "encoder" in self._parts.vae

    def set(self, image: np.ndarray | None) -> None:
        """Encode an image, uint8 (height, width, 3 or 4); None is no picture. Raises ValueError for another shape,
        UserError where the model cannot."""
        self.latents = None
        if image is None:
            return
        if image.shape[:2] != self._size or image.ndim != 3 or image.shape[2] not in (3, 4):
            raise ValueError(f"picture has shape {image.shape}, this pipeline takes {(*self._size, 3)}")
        if not self.can_read:
            raise UserError(f"{self._name}: its autoencoder has no encoder, so it cannot start from a picture")
        vae = self._parts.vae
        rgb = mx.array(image[None, ..., :3].astype(np.float32) / 127.5 - 1).astype(self._parts.vae_dtype)
        self.latents = (vae.encode(rgb) * vae.config.scaling_factor).astype(mx.float32)
        mx.eval(self.latents)

    def take(self, picture: SourcePicture | None) -> UserError | None:
        """Encode the picture of the controls if it is a new one. Return why it cannot be."""
        if picture is self._picture:
            return None
        self._picture = picture
        try:
            self.set(None if picture is None else picture.pixels)
        except UserError as error:
            return error
        return None

    def noise_level(self) -> float | None:
        """Return the strength that the schedule is to have; None without a picture, and for a model of one step, which
        mixes. It is rounded, so that a moving fader uses schedules that exist already."""
        if self.latents is None or self._parts.scheduler.one_step:
            return None
        return max(1, round(self.strength * STRENGTHS)) / STRENGTHS

    def init(self) -> Init | None:
        """Return what a frame starts from."""
        if self.latents is None:
            return None
        return Init(self.latents, mx.array(self.strength, dtype=mx.float32))

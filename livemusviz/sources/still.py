"""Reads one still picture, as `--picture FILE` and `--init-image FILE` name it."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from livemusviz.errors import DAMAGED, UserError, one_line
from livemusviz.regular import open_regular
from livemusviz.stills import KINDS, refuse_programs

if TYPE_CHECKING:
    from PIL import Image

MAX_PICTURE_PIXELS = 100_000_000
WHITE = {"I": 65535.0, "I;16": 65535.0, "I;16L": 65535.0, "I;16B": 65535.0, "I;16N": 65535.0, "F": 1.0}
"""Full brightness in Pillow's grey modes of more than 8 bits."""


def read_still(path: Path, size: tuple[int, int]) -> np.ndarray:
    """Return the picture at `path`, uint8 (height, width, 3), cropped to the shape of `size` (width, height).

    What is transparent lies over black. Raises UserError.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        with open_regular(path) as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's words on what it reads in spite of damage
            refuse_programs(file, path)
            Image.init()
            with Image.open(file, formats=sorted(KINDS & Image.OPEN.keys())) as image:
                if image.width * image.height > MAX_PICTURE_PIXELS:
                    raise UserError(
                        f"{path}: {image.width}x{image.height} pixels, at most {MAX_PICTURE_PIXELS} are read"
                    )
                return _fitted(image, size)
    except Image.DecompressionBombError:
        raise UserError(f"{path}: too large, at most {MAX_PICTURE_PIXELS} pixels are read") from None
    except UnidentifiedImageError:
        raise UserError(f"{path}: not a picture that can be read; give PNG, JPEG, WebP, TIFF or GIF") from None
    except DAMAGED as error:
        reason = getattr(error, "strerror", None) or one_line(error, 120)
        raise UserError(f"{path}: not a picture that can be read ({reason})") from None


def _fitted(image: Image.Image, size: tuple[int, int]) -> np.ndarray:
    """Return a picture of any mode upright, cropped to the shape of `size`, uint8 (height, width, 3)."""
    from PIL import Image, ImageOps

    white, image = WHITE.get(image.mode), ImageOps.exif_transpose(image)
    if white is not None:
        grey = np.nan_to_num(np.asarray(ImageOps.fit(image.convert("F"), size))) / white
        return np.repeat((grey.clip(0, 1) * 255 + 0.5).astype(np.uint8)[..., None], 3, axis=2)
    if image.has_transparency_data:
        seen = image.convert("RGBA")
        image = Image.new("RGB", image.size)
        image.paste(seen, mask=seen.getchannel("A"))
    return np.asarray(ImageOps.fit(image.convert("RGB"), size))

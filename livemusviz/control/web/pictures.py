"""Makes the pictures of the page: the canvas as a small JPEG, the page's own address as a QR code. Any thread."""

from __future__ import annotations

import io

from livemusviz.bridge.view import CanvasPicture

PREVIEW_WIDTH = 480  # pixels, about
PREVIEW_QUALITY = 70


def jpeg(picture: CanvasPicture) -> bytes:
    """Return a small JPEG of the canvas, about `PREVIEW_WIDTH` pixels wide."""
    from PIL import Image

    step = max(1, round(picture.pixels.shape[1] / PREVIEW_WIDTH))
    small = picture.pixels[::step, ::step, :3]
    buffer = io.BytesIO()
    Image.fromarray(small.copy()).save(buffer, "JPEG", quality=PREVIEW_QUALITY)
    return buffer.getvalue()


def qr_code(text: str) -> tuple[str, ...]:
    """Return rows of a QR code, "1" is dark, without its quiet zone."""
    import segno

    return tuple("".join(map(str, row)) for row in segno.make(text, error="m", micro=False).matrix)

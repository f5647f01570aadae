"""Pictures for --init-image: what each kind looks like as 8 bit RGB, and what is refused in one line."""

import os
import warnings
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, features

from livemusviz.cli.model_flags import init_picture
from livemusviz.errors import UserError


def read(path: Path) -> np.ndarray:
    """Without a warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = init_picture(Namespace(init_image=path), (64, 32))
    assert found is not None and found.dtype == np.uint8 and found.shape == (32, 64, 3)
    return found


def transparent_palette() -> Image.Image:
    picture = Image.new("P", (8, 8))
    picture.putpalette([200, 100, 0])
    picture.info["transparency"] = 0
    return picture


KINDS: dict[str, tuple[str, Callable[[], Image.Image], tuple[int, int, int]]] = {
    "8 bit": ("a.png", lambda: Image.new("RGB", (8, 8), (1, 2, 3)), (1, 2, 3)),
    "1 bit": ("a.png", lambda: Image.new("1", (8, 8), 1), (255, 255, 255)),
    "16 bit, dark": ("a.png", lambda: Image.new("I;16", (8, 8), 1000), (4, 4, 4)),
    "16 bit, bright": ("a.png", lambda: Image.new("I;16", (8, 8), 40_000), (156, 156, 156)),
    "16 bit, white": ("a.tiff", lambda: Image.new("I;16B", (8, 8), 65_535), (255, 255, 255)),
    "32 bit whole": ("a.tiff", lambda: Image.new("I", (8, 8), 40_000), (156, 156, 156)),
    "32 bit, over": ("a.tiff", lambda: Image.new("I", (8, 8), 1 << 20), (255, 255, 255)),
    "float": ("a.tiff", lambda: Image.new("F", (8, 8), 0.5), (128, 128, 128)),
    "float NaN": ("a.tiff", lambda: Image.new("F", (8, 8), float("nan")), (0, 0, 0)),
    "transparent": ("a.png", lambda: Image.new("RGBA", (8, 8), (255, 0, 0, 0)), (0, 0, 0)),
    "half transparent": ("a.png", lambda: Image.new("RGBA", (8, 8), (255, 0, 0, 128)), (128, 0, 0)),
    "opaque": ("a.png", lambda: Image.new("RGBA", (8, 8), (255, 0, 9, 255)), (255, 0, 9)),
    "grey with alpha": ("a.png", lambda: Image.new("LA", (8, 8), (200, 0)), (0, 0, 0)),
    "transparent palette": ("a.png", transparent_palette, (0, 0, 0)),
    "90 megapixels": ("a.png", lambda: Image.new("1", (9500, 9500)), (0, 0, 0)),
}


@pytest.mark.parametrize("kind", KINDS)
def test_kinds(kind: str, tmp_path: Path) -> None:
    name, make, wanted = KINDS[kind]
    make().save(tmp_path / name)
    np.testing.assert_array_equal(read(tmp_path / name), np.full((32, 64, 3), wanted))


def corrupt(name: str, at: int, byte: int) -> Callable[[Path], None]:
    """A picture saved as Pillow saves a format, with one byte changed."""

    def write(path: Path) -> None:
        noise = np.random.default_rng(0).integers(0, 255, (40, 50, 3), dtype=np.uint8)
        Image.fromarray(noise).save(path, name)
        data = bytearray(path.read_bytes())
        data[at] = byte
        path.write_bytes(data)

    return write


REFUSED: dict[str, tuple[Callable[[Path], object], str]] = {
    "empty": (lambda p: p.write_bytes(b""), "not a picture"),
    "text": (lambda p: p.write_text("hello"), "not a picture that can be read; give PNG, JPEG, WebP, TIFF or GIF"),
    "folder": (lambda p: p.mkdir(), "not a regular file"),
    "pipe": (lambda p: os.mkfifo(p), "not a regular file"),
    "missing": (lambda p: None, "not a picture that can be read"),
    "pixels": (lambda p: Image.new("1", (10_001, 10_001)).save(p, "PNG"), "10001x10001 pixels, at most 100000000"),
    "bomb": (lambda p: Image.new("1", (14_000, 14_000)).save(p, "PNG"), "too large, at most 100000000 pixels"),
    "DDS of no known kind": (corrupt("DDS", 80, 1), "not a picture"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_in_one_line(case: str, tmp_path: Path) -> None:
    path = tmp_path / "picture"
    spoil, told = REFUSED[case]
    spoil(path)
    with pytest.raises(UserError) as raised:
        read(path)
    message = str(raised.value)
    assert told in message and message.startswith(str(path)) and "\n" not in message and len(message) < 500


@pytest.mark.parametrize("error", [RuntimeError, NotImplementedError, MemoryError, AttributeError, KeyError, EOFError])
def test_whatever_a_reader_raises_is_one_line(
    error: type[Exception], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: Image.Image, mode: str) -> Image.Image:
        raise error("broken\nhere")

    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    monkeypatch.setattr(Image.Image, "convert", fail)
    with pytest.raises(UserError, match="not a picture that can be read"):
        read(tmp_path / "a.png")


@pytest.mark.skipif(not features.check("avif"), reason="Pillow without AVIF")
def test_corrupt_avif(tmp_path: Path) -> None:
    path = tmp_path / "a.avif"
    noise = np.random.default_rng(0).integers(0, 255, (40, 50, 3), dtype=np.uint8)
    Image.fromarray(noise).save(path)
    whole = path.read_bytes()
    for at in range(0, len(whole), 7):
        path.write_bytes(whole[:at] + b"\xff" + whole[at + 1 :])
        try:
            read(path)
        except UserError as error:
            assert "\n" not in str(error)

"""Still pictures: kinds for which Pillow starts a program are refused by their name, whatever the file is called."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from livemusviz.errors import UserError
from livemusviz.sources.still import read_still
from livemusviz.stills import KINDS

EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 32 32\n%%EndComments\n0 0 32 32 rectfill\nshowpage\n%%EOF\n"


@pytest.fixture
def ghostscript(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that is there once something has run Ghostscript."""
    ran, programs = tmp_path / "ran", tmp_path / "bin"
    programs.mkdir()
    (programs / "gs").write_text(f"#!/bin/sh\ntouch {ran}\n")
    (programs / "gs").chmod(0o755)
    monkeypatch.setenv("PATH", str(programs), prepend=":")
    return ran


@pytest.mark.parametrize("name", ["a.eps", "a.png", "a.jpg"])
@pytest.mark.parametrize("data", [EPS, b"\xc5\xd0\xd3\xc6" + bytes(28) + EPS], ids=["plain", "with a preview"])
def test_a_program_is_not_run_and_refused_in_one_line(
    name: str, data: bytes, tmp_path: Path, ghostscript: Path
) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(UserError, match=rf"{name}: EPS is a program .* save it as PNG") as caught:
        read_still(path, (32, 32))
    assert "\n" not in str(caught.value) and not ghostscript.exists()


@pytest.mark.parametrize("kind", ["EPS", "WMF", "GRIB", "HDF5", "BUFR", "FITS"])
def test_kinds_that_others_decode_are_not_tried(kind: str) -> None:
    assert kind not in KINDS


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "TIFF", "BMP", "AVIF", "JPEG2000", "PPM", "TGA", "ICO"])
def test_usual_kinds_are_read(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "picture"
    Image.new("RGB", (32, 32), (250, 120, 10)).save(path, kind)
    assert np.abs(read_still(path, (16, 16)).astype(int) - (250, 120, 10)).max() < 20

"""Names the kinds of still pictures that are read. Any thread; standard library only.

For some of its kinds Pillow starts a program: Ghostscript for EPS, whose language is PostScript. Others name decoders
that are not there. Only the kinds named here are tried.
"""

from __future__ import annotations

from typing import BinaryIO

from livemusviz.errors import UserError

KINDS = {"PNG", "JPEG", "WEBP", "GIF", "TIFF", "BMP", "AVIF", "JPEG2000", "PPM", "TGA", "QOI", "ICO", "PSD"}
"""Pillow's names. `Image.init()` loads those that are not there from the start; a build may lack some."""
PROGRAMS = (b"%!PS", b"\xc5\xd0\xd3\xc6")  # PostScript, and EPS with a preview


def refuse_programs(file: BinaryIO, name: object) -> None:
    """Raise UserError for PostScript; else leave the file at its beginning. name : of the file, for the message."""
    beginning = file.read(4)
    file.seek(0)
    if beginning in PROGRAMS:
        raise UserError(f"{name}: EPS is a program that draws, and is not run; save it as PNG")

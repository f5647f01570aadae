"""Reads what `--picture` and `/picture` name. Pure.

portrait.jpg           a still picture
video:clip.mp4         a clip, in a loop
camera                 the first camera;  camera:NAME is the one of that name
screen                 the first screen;  screen:NAME another one
ndi:NAME  syphon:NAME  spout:NAME     what another program sends under that name
none                   no picture
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from livemusviz.errors import UserError

NONE = "none"
FILES = ("still", "video")
CAPTURED = ("camera", "screen")
SENDERS = ("ndi", "syphon", "spout")
KINDS = (*FILES, *CAPTURED, *SENDERS)
VIDEO_SUFFIXES = frozenset(
    (".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".mts", ".wmv", ".flv", ".ogv", ".gif")
)
FORMS = "give FILE, video:FILE, camera, camera:NAME, screen, ndi:NAME, syphon:NAME, spout:NAME or none"


@dataclass(frozen=True, slots=True)
class PictureSpec:
    """Describes a source. kind : of `KINDS`.  name : of the device, file or sender; "" is the first there is."""

    kind: str
    name: str = ""

    @property
    def text(self) -> str:
        """Return it as `--picture` takes it."""
        if self.kind == "still":
            return self.name
        return f"{self.kind}:{self.name}" if self.name else self.kind

    @property
    def is_file(self) -> bool:
        """Return True for a file on a disk."""
        return self.kind in FILES


def parse_picture(text: str) -> PictureSpec | None:
    """Return the source that `text` names; None for "none". UserError for a kind that there is not, or a missing
    name."""
    kind, colon, name = text.partition(":")
    name = name.strip()
    if text == NONE:
        return None
    if kind in (*CAPTURED, *SENDERS):
        if kind in SENDERS and not name:
            raise UserError(f"picture: {kind} needs a name; give {kind}:NAME, as `livemusviz devices` lists them")
        return PictureSpec(kind, name)
    if kind == "video":
        if not name:
            raise UserError("picture: give a file as video:FILE")
        return PictureSpec("video", name)
    path = Path(text)
    if not text or "\0" in text:
        raise UserError(f"picture: {text[:64]!r} names no source; {FORMS}")
    if colon and kind.isalpha() and len(kind) > 1 and not path.suffix:  # one letter is a drive of Windows
        raise UserError(f"picture: no source of the kind '{kind[:32]}'; {FORMS}")
    return PictureSpec("video" if path.suffix.lower() in VIDEO_SUFFIXES else "still", text)


def check_file(spec: PictureSpec) -> None:
    """Raise a UserError where `spec` is a file that is not there."""
    if not spec.is_file:
        return
    path = Path(spec.name)
    try:
        there = path.exists()
    except OSError as error:
        raise UserError(f"picture {spec.name[:200]}: {error.strerror or error}") from None
    if not there:
        raise UserError(f"picture {spec.name[:200]}: no such file; {FORMS}")
    if not path.is_file():
        raise UserError(f"picture {spec.name[:200]}: not a regular file")


def within_folder(spec: PictureSpec, folder: Path | None) -> PictureSpec:
    """Return a source that a running show was asked for; a file as one of `folder`. UserError for any other file:
    whoever controls a show may not choose from its whole disk."""
    if not spec.is_file:
        return spec
    if folder is None:
        raise UserError("picture: a file is chosen from a folder; start the show with --pictures FOLDER")
    name = Path(spec.name)
    if name.is_absolute() or ".." in name.parts or len(name.parts) != 1:
        raise UserError(f"picture {spec.name[:64]!r}: give the name of a file in {folder}, without a folder")
    found = PictureSpec(spec.kind, str(folder / name))
    check_file(found)
    return found

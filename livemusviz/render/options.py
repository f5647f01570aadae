"""Holds the options of a render, checked before anything is opened. Main thread."""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import numpy as np

from livemusviz import __version__
from livemusviz.diffusion.spec import ModelSpec
from livemusviz.director.cuefile import Cue
from livemusviz.errors import UserError
from livemusviz.params.values import ParamValues
from livemusviz.record.movie import container_of
from livemusviz.render.replay import Replay
from livemusviz.sizes import whole_number

FPS_LIMITS = (1, 240)
BATCH_MOST = 64
_NTSC = {"23.976": Fraction(24000, 1001), "29.97": Fraction(30000, 1001), "59.94": Fraction(60000, 1001)}
FILM_VALUES: Mapping[str, object] = {"ssf": 0.0}  # a film has the time to compute every frame
_HEAD = 1 << 20  # bytes of the track that identify it


@dataclass(frozen=True, slots=True)
class RenderConfig:
    """Holds the options of `livemusviz render`.

    track : the sound file.
    output : the film.
    model : the model to load.
    picture : uint8 (height, width, 3) of `size`, from which every picture starts; None starts from noise.
    control_pictures : uint8 (height, width, 3) of `size`, a still for each ControlNet of the model.
    size : (width, height) of a generated picture, pixels.
    canvas : (width, height) of the film, pixels.
    fps : film frames a second.
    every : film frames to one generated picture.
    batch : pictures at once; None chooses by the size.
    values : the parameters at the start.
    cues : changes at their times or bars.
    replay : a recorded show to render; None renders the track.
    shaders, playlist : as for a show.
    until : s, end of the film; None is the end of the track.
    resume : True continues an interrupted film.
    overwrite : True replaces a film of that name.
    """

    track: Path
    output: Path
    model: ModelSpec
    picture: np.ndarray | None = None
    control_pictures: tuple[np.ndarray | None, ...] = ()
    size: tuple[int, int] = (256, 256)
    canvas: tuple[int, int] = (1280, 720)
    fps: Fraction = Fraction(30)
    every: int = 1
    batch: int | None = None
    values: ParamValues = field(default_factory=ParamValues)
    cues: Sequence[Cue] = ()
    replay: Replay | None = None
    shaders: tuple[Path, ...] = ()
    playlist: Path | None = None
    until: float | None = None
    resume: bool = False
    overwrite: bool = False

    def fingerprint(self) -> dict[str, str]:
        """Return the options that must be the same when an interrupted render goes on, by name."""
        with self.track.open("rb") as file:
            head = zlib.crc32(file.read(_HEAD))
        return {
            "version": __version__,
            "track": f"{self.track.stat().st_size} {head}",
            "--model": repr(self.model),
            "--init-image": "" if self.picture is None else str(zlib.crc32(self.picture.tobytes())),
            "--control-picture": str(
                [0 if each is None else zlib.crc32(each.tobytes()) for each in self.control_pictures]
            ),
            "--size": str(self.size),
            "--canvas": str(self.canvas),
            "--fps": f"{self.fps}",
            "--engine-fps": str(self.every),
            "--batch": str(self.batch),
            "parameters": repr(sorted(self.values.values.items())),
            "--cues": repr(list(self.cues)),
            "--from-log": "" if self.replay is None else repr((self.replay.changes, self.replay.walk.at(1e9))),
            "--shaders": str(self.shaders),
            "--playlist": str(self.playlist),
            "--until": str(self.until),
        }


def parse_fps(text: str) -> Fraction:
    """'30', '29.97' (which is 30000/1001) or '24000/1001'. UserError otherwise."""
    text = text.strip()
    if not re.fullmatch(r"\d{1,6}(?:\.\d{1,6}|/\d{1,6})?", text) or text.endswith("/0"):
        raise UserError(f"--fps '{text[:32]}': give frames a second, as 30, 29.97 or 24000/1001")
    fps = _NTSC.get(text, Fraction(text))
    low, high = FPS_LIMITS
    if not low <= fps <= high:
        raise UserError(f"--fps {text}: give {low} to {high}")
    return fps


def parse_batch(text: str) -> int | None:
    """'auto' (None) or 1 to `BATCH_MOST`. UserError otherwise."""
    if text == "auto":
        return None
    batch = whole_number(text, 1, BATCH_MOST)
    if batch is None:
        raise UserError(f"--batch {text[:32]}: give 'auto' or 1 to {BATCH_MOST}")
    return batch


def check_output(path: Path, track: Path, replace: bool) -> None:
    """Raise a UserError if the film cannot be written to `path`. replace : True allows a film of that name."""
    container_of(path)
    try:
        taken, folder = path.exists(), path.parent.is_dir()
        same = taken and path.samefile(track)
    except OSError as error:
        raise UserError(f"cannot look at {path}: {error.strerror}") from None
    if not folder:
        raise UserError(f"{path}: there is no folder {path.parent}; make it first")
    if same or path.is_dir():
        raise UserError(f"{path}: is {'the track itself' if same else 'a folder'}; choose another name")
    if taken and not replace:
        raise UserError(f"{path} exists; --overwrite replaces it, --resume goes on with an interrupted one")

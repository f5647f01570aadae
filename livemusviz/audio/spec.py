"""What the audio side is asked to hear, and how its two processes find each other. Plain values."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

from livemusviz.bridge.sound import AudioStatus

# Takes a block, float32 (frames, channels); the capture time of its first frame, s; whether sound was lost before it.
Sink = Callable[[np.ndarray, float, bool], None]

DEFAULT = "default"
FILE_SUFFIXES = frozenset(
    (".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".au", ".caf", ".w64", ".rf64")
    + (".m4a", ".aac", ".wma", ".mka", ".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts")
)

STATUS_BYTES = 640
CONTROL = struct.Struct("<d?")  # gain; whether a held file may play


@dataclass(frozen=True, slots=True)
class AudioSpec:
    """input : "default", a device as `choice` reads it, or the path of a sound file.  gain : on every sample, live.

    loop : a file starts again at its end (otherwise silence follows).  speakers : a file is played aloud as well,
    where there is an output.  onset : how onsets are found, "superflux" or "aubio".
    held : a file is silent until it is told to play.
    wide : open all inputs of a device that claims very many; otherwise two.
    """

    input: str = DEFAULT
    gain: float = 1.0
    loop: bool = True
    speakers: bool = True
    onset: str = "superflux"
    held: bool = False
    wide: bool = False

    @property
    def file(self) -> Path | None:
        """The path, if `input` means a file: it has a sound file's suffix, or it names a file that exists."""
        path = Path(self.input)
        if self.input == DEFAULT:
            return None
        with suppress(OSError):  # a name that no disk can hold is not looked for on one
            return path if path.suffix.lower() in FILE_SUFFIXES or path.is_file() else None
        return None


@dataclass(frozen=True, slots=True)
class Wiring:
    """What a new audio process is told.

    rings : names of those for blocks, features and status, written there, and for control, written here.
    epoch : s, time of sample 0.  resume : s into the file at which to go on.  steady : ask the driver for more latency.
    sounded : some sound has been heard before.  requests : takes `(number, input)` and gives `Inputs` and `Answer`.
    """

    spec: AudioSpec
    epoch: float
    rings: tuple[str, str, str, str]
    resume: float = 0.0
    steady: bool = False
    sounded: bool = False
    requests: Connection | None = None


@dataclass(frozen=True, slots=True)
class Inputs:
    """Names of all inputs there are, as `--input` takes them, and how many channels each has."""

    names: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of the request `number`. refused : why it could not be, or "" if it was done."""

    number: int
    refused: str


def pack_status(status: AudioStatus) -> bytes:
    """As exactly `STATUS_BYTES` bytes; an overlong message is cut."""
    fields = asdict(status)
    for size in (300, 60, 0):
        cut = {**fields, "message": status.message[:size], "device": status.device[: min(size, 100)]}
        data = json.dumps(cut).encode()
        if len(data) <= STATUS_BYTES:
            break
    return data.ljust(STATUS_BYTES)


def unpack_status(data: bytes) -> AudioStatus:
    return AudioStatus(**json.loads(data))

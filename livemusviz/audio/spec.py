"""Describes the input to capture, and how the two processes of the audio side find each other. Plain values."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from livemusviz.bridge.sound import AudioStatus
from livemusviz.bridge.spawned import MessagePipe

# Takes a block, float32 (frames, channels); the capture time of its first frame, s; whether sound was lost before it.
Sink = Callable[[np.ndarray, float, bool], None]

DEFAULT = "default"
FILE_SUFFIXES = frozenset(
    (".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".au", ".caf", ".w64", ".rf64")
    + (".m4a", ".aac", ".wma", ".mka", ".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts")
)

STATUS_BYTES = 640
CONTROL = struct.Struct("<dd?")  # of an `AudioControl`


@dataclass(frozen=True, slots=True)
class AudioSpec:
    """Describes an input.

    input : "default", a device as `choice` reads it, or the path of a sound file.
    gain : linear, on every sample; it can change live.
    sensitivity : of onsets, > 0; it can change live.
    loop : True plays a file again from its start; otherwise silence follows.
    speakers : True also plays a file aloud, where there is an output.
    onset : method of onset detection, "superflux" or "aubio".
    held : True keeps a file silent until it is started.
    wide : True opens all inputs of a device that claims very many; otherwise two.
    """

    input: str = DEFAULT
    gain: float = 1.0
    sensitivity: float = 1.0
    loop: bool = True
    speakers: bool = True
    onset: str = "superflux"
    held: bool = False
    wide: bool = False

    @property
    def file(self) -> Path | None:
        """Return the path, if `input` means a file: it has a sound file's suffix, or it names a file that exists."""
        path = Path(self.input)
        if self.input == DEFAULT:
            return None
        with suppress(OSError):  # a name that no disk can hold is not looked for on one
            return path if path.suffix.lower() in FILE_SUFFIXES or path.is_file() else None
        return None


@dataclass(frozen=True, slots=True)
class AudioControl:
    """Holds what a show may change while it captures.

    gain : linear.
    sensitivity : of onsets, > 0.
    plays : True lets a held file play.
    """

    gain: float
    sensitivity: float
    plays: bool

    def pack(self) -> bytes:
        """Return it as `CONTROL.size` bytes."""
        return CONTROL.pack(self.gain, self.sensitivity, self.plays)

    @classmethod
    def unpack(cls, data: bytes | memoryview) -> AudioControl:
        return cls(*CONTROL.unpack(data))


@dataclass(frozen=True, slots=True)
class AudioWiring:
    """Holds what a new audio process needs.

    spec : the input.
    epoch : s, time of sample 0.
    rings : names of the rings for blocks, features and status, which it writes, and for control, which it reads.
    resume : s into the file at which to go on.
    steady : True asks the driver for more latency.
    sounded : True if there has been sound before.
    requests : receives `(number, input)` and returns `Inputs` and `Answer`.
    """

    spec: AudioSpec
    epoch: float
    rings: tuple[str, str, str, str]
    resume: float = 0.0
    steady: bool = False
    sounded: bool = False
    requests: MessagePipe | None = None


@dataclass(frozen=True, slots=True)
class Inputs:
    """Names of all inputs there are, as `--input` takes them, and how many channels each has."""

    names: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """Answers the request `number`. refused : why it was rejected, or "" if it was carried out."""

    number: int
    refused: str


def pack_audio_status(status: AudioStatus) -> bytes:
    """Return it as exactly `STATUS_BYTES` bytes; an overlong message is cut."""
    fields = asdict(status)
    for size in (300, 60, 0):
        cut = {**fields, "message": status.message[:size], "device": status.device[: min(size, 100)]}
        data = json.dumps(cut).encode()
        if len(data) <= STATUS_BYTES:
            break
    return data.ljust(STATUS_BYTES)


def unpack_audio_status(data: bytes) -> AudioStatus:
    return AudioStatus(**json.loads(data))

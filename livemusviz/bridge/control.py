"""Carries a performer's requests to the session, and the state of the show back to the controllers.

Times are seconds on the `time.perf_counter` scale, which every process of one machine shares.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from livemusviz.bridge.features import AudioFeatures


@dataclass(frozen=True, slots=True)
class ControlEvent:
    """One checked request from a performer. name : of the parameter or action.  value : of its type.  time : s.

    relative : the value is a step by which the parameter moves.
    """

    name: str
    value: float | int | bool | str | tuple[object, ...] | None
    time: float
    relative: bool = False


@dataclass(frozen=True, slots=True)
class ExternalTempo:
    """What Ableton Link or a MIDI clock says.

    beat : position in beats at `time`, s; whole on the beat, 0 on the first beat of a bar.
    peers : other participants; 0 is nobody.  rolling : whether the song plays; if not, only the tempo counts.
    """

    bpm: float
    beat: float
    time: float
    peers: int = 1
    rolling: bool = True


@dataclass(frozen=True, slots=True)
class ExternalTempi:
    """Tempi from outside the show. None : that source is not open, or silent."""

    link: ExternalTempo | None = None
    midi: ExternalTempo | None = None


@dataclass(frozen=True, slots=True)
class ShowState:
    """What controllers are told, published once a display frame.

    tick : counts the publications.  values : every parameter by name.  fps : generated frames a second.
    engine : one word.  beat, bpm, tempo_source : the leading tempo; beat is a position, whole on the beat.
    recording : s, None when off.  presets : names.  waiting : changes that wait for their beat or bar.
    message : the last thing that went wrong, or "".  problems : how many things did.
    """

    tick: int
    values: Mapping[str, object]
    features: AudioFeatures
    fps: float = 0.0
    engine: str = "starting"
    beat: float = 0.0
    bpm: float = 0.0
    tempo_source: str = "free"
    recording: float | None = None
    presets: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()
    message: str = ""
    problems: int = 0

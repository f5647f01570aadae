"""Carries a performer's requests to the session, and the state of the show back to the controllers.

Times are seconds on the `time.perf_counter` scale, which every process of one machine shares.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from livemusviz.bridge.features import AudioFeatures
from livemusviz.bridge.outputs import OutputStatus


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
    """Holds the tempo of Ableton Link or a MIDI clock.

    bpm : beats a minute.
    beat : position in beats at `time`; whole on the beat, 0 on the first beat of a bar.
    time : s.
    peers : number of other participants.
    rolling : True while the song plays; otherwise only the tempo counts.
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
    """Holds the state that controllers get, published once a display frame.

    tick : number of the publication.
    values : every parameter by name.
    features : of the sound.
    fps : generated frames a second.
    engine : its state, one word.
    beat : position of the leading tempo in beats, whole on the beat.
    bpm : of the leading tempo.
    tempo_source : "link", "midi", "tap", "audio" or "free".
    recording : s so far, None when off.
    presets : names.
    waiting : changes that wait for their beat or bar.
    message : the last error, or "".
    problems : number of errors so far.
    unknown : words of the prompt that mean nothing to the model.
    unused : parameters by name that move nothing in the model.
    inputs : audio inputs by name.
    outs : outputs of the canvas.
    models : names of the models that the show can change to.
    model : the one that draws, and the one that is being opened.
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
    unknown: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    outs: tuple[OutputStatus, ...] = ()
    models: tuple[str, ...] = ()
    model: str = ""

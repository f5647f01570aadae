"""Describes the result of a step of the session: what to show, and requests. Frozen values, pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from livemusviz.bridge.features import AudioFeatures
from livemusviz.bridge.mapping import MapChange
from livemusviz.bridge.view import View
from livemusviz.director.tempo import Beat
from livemusviz.isf.header import Number
from livemusviz.params.params import Params
from livemusviz.params.values import ParamValues


@dataclass(frozen=True, slots=True)
class StartRecording:
    """Asks for a recording. label : becomes part of the file's name."""

    label: str


@dataclass(frozen=True, slots=True)
class StopRecording:
    """Asks for the end of the recording."""


@dataclass(frozen=True, slots=True)
class LearnControl:
    """Asks that the next MIDI control moves an address. wish : the address, and a range or a mode behind it."""

    wish: str


@dataclass(frozen=True, slots=True)
class ForgetControl:
    """Asks that no MIDI control moves an address."""

    address: str


@dataclass(frozen=True, slots=True)
class SavePreset:
    """Asks for a preset file. base : the preset that it is made of, "" for none.

    values : by parameter.  inputs : set by the performer, by shader and input.
    """

    name: str
    base: str
    values: Mapping[str, object]
    inputs: Mapping[str, Mapping[str, Number]]


@dataclass(frozen=True, slots=True)
class ProposeTempo:
    """Asks the others on Ableton Link for another tempo (bpm) or position (beats). None : no change."""

    bpm: float | None
    beat: float | None


@dataclass(frozen=True, slots=True)
class ChangeMap:
    """Asks for another mapping of a screen. It reaches the display by the view."""

    change: MapChange


Request = ChangeMap | StartRecording | StopRecording | LearnControl | ForgetControl | SavePreset | ProposeTempo


@dataclass(frozen=True, slots=True)
class Step:
    """Describes one moment of the performance."""

    features: AudioFeatures
    """As analysed, with the leading tempo in the place of the analysed one."""
    values: ParamValues
    """As the performer set them."""
    params: Params
    """The same with the values that the sound moves; the director reads these."""
    view: View
    """The display's view, without the operator's figures."""
    beat: Beat
    """Of the leading tempo."""
    waiting: tuple[str, ...] = ()
    """Names of the changes that wait for their beat or bar, oldest first."""
    requests: tuple[Request, ...] = ()
    """To be done outside, in this order."""
    errors: tuple[str, ...] = ()
    """One line each, for the performer. An event with an error has changed nothing."""
    changes: Mapping[str, object] = field(default_factory=dict)
    """Parameters and inputs with new values, for the show log."""

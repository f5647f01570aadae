"""Holds the display's options, hooks and figures. Frozen values and callables; no OpenGL here."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from livemusviz.bridge.features import AudioFeatures
from livemusviz.bridge.frames import Frame
from livemusviz.bridge.latest import Latest
from livemusviz.bridge.outputs import CanvasTexture
from livemusviz.bridge.view import CanvasPicture, View

LARGE, SMALL = (1280, 720), (640, 360)  # canvases, width and height in pixels


def usual_canvas(cpu_draws: bool) -> tuple[int, int]:
    """Return the canvas where none is asked for: small where the CPU draws, so that it has time for the model too."""
    return SMALL if cpu_draws else LARGE


@dataclass(frozen=True, slots=True)
class DisplayOptions:
    """canvas, window_size : width, height in pixels.  fps : display frames a second.  screen : counted from 1.
    span : further screens that the canvas goes on over, from left to right.

    operator : whether figures and a preview have a window of their own; None is when the canvas fills another screen.
    shaders : ISF files by name; None is what comes with the program.  prepare : those to compile in quiet moments.
    frame : width, height of the generated frames; None draws nothing ahead of the first one.
    quality_ladder : whether rate, canvas and chain may get smaller where the machine does not hold them.
    first_rung : how far down it begins.  other_fps : rates it may choose.  shares_cores : the model runs on the cores
    that draw, so the display gives way to it.
    marker : the file that remembers a shader on which a show hung.  maps : the file that keeps the screens' mappings.
    """

    canvas: tuple[int, int] = SMALL
    fps: float = 60.0
    headless: bool = False
    fullscreen: bool = False
    screen: int | None = None
    span: tuple[int, ...] = ()
    title: str = "livemusviz"
    window_size: tuple[int, int] = LARGE
    operator: bool | None = None
    shaders: Mapping[str, Path] | None = None
    prepare: tuple[str, ...] = ()
    frame: tuple[int, int] | None = None
    quality_ladder: bool = True
    first_rung: int = 0
    other_fps: tuple[float, ...] = ()
    shares_cores: bool = False
    marker: Path | None = None
    maps: Path | None = None


@dataclass(frozen=True, slots=True)
class DisplayHealth:
    """The last second. fps : canvases a second.  work_ms : mean from a frame's start to its presentation.

    quality : what the ladder says.  limited : the flash limiter is holding the canvas back.
    stalls : since the first canvas.
    """

    fps: float = 0.0
    work_ms: float = 0.0
    quality: str = "full"
    limited: bool = False
    stalls: int = 0


@dataclass(frozen=True, slots=True)
class DisplayHooks:
    """Connects the display with the rest of the show. All are called on the display's thread; none may block. Times
    in s.

    frames : generated frames. tick : called at the start of each display frame with its time; returns the newest
    features and view, or None to end. on_key : gets the name of an action (`keys.ACTIONS`), "preset 3" or "quit".
    on_picture : gets the canvas, at most `picture_fps` times a second, while `wants_pictures()`. on_shown : gets a
    generated frame and the time of its first presentation. on_onset_shown : gets features with a new onset, and the
    time at which the first canvas with it was presented. on_problem : gets one line for the performer, for example
    about a shader. on_health : called once a second. on_texture : gets every canvas on the GPU, after it was presented.
    """

    frames: Latest[Frame]
    tick: Callable[[float], tuple[AudioFeatures, View] | None]
    on_key: Callable[[str], None] = lambda name: None
    on_picture: Callable[[CanvasPicture], object] | None = None
    picture_fps: float = 30.0
    wants_pictures: Callable[[], bool] = lambda: True
    on_shown: Callable[[Frame, float], None] = lambda frame, time: None
    on_onset_shown: Callable[[AudioFeatures, float], None] = lambda features, time: None
    on_problem: Callable[[str], None] = logging.getLogger(__name__).warning
    on_health: Callable[[DisplayHealth], None] = lambda health: None
    on_texture: Callable[[CanvasTexture], object] | None = None


@dataclass(frozen=True, slots=True)
class DisplayStats:
    """frame_ms_* : between two presented canvases.  work_ms_* : from the start of a display frame to its presentation.

    stalls : intervals over `STALL`, from the first canvas on.  stalls_at : s from the first canvas to the end of each.
    generated_shown : generated frames that reached the canvas.  errors : display frames lost to an exception.
    quality : what the ladder says at the end.
    renderer : the OpenGL implementation's name.
    """

    frames_shown: int = 0
    generated_shown: int = 0
    seconds: float = 0.0
    display_fps: float = 0.0
    frame_ms_p50: float = 0.0
    frame_ms_p99: float = 0.0
    frame_ms_max: float = 0.0
    stalls: int = 0
    stalls_at: tuple[float, ...] = ()
    work_ms_p50: float = 0.0
    work_ms_p99: float = 0.0
    errors: int = 0
    quality: str = "full"
    renderer: str = ""

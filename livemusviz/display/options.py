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
    """Holds the options of the display.

    canvas : (width, height), pixels.
    fps : display frames a second.
    headless : True opens no window.
    fullscreen : True fills the screen with the canvas.
    screen : number of the canvas's screen, from 1; None leaves it to the system.
    span : further screens that the canvas covers, from left to right.
    title : of the window.
    window_size : (width, height), pixels.
    operator : True opens a window for figures and a preview; None does so when the canvas fills another screen.
    shaders : ISF files by name; None takes those of the program.
    prepare : shaders to compile while there is time.
    frame : (width, height) of the generated frames; None draws nothing before the first one.
    quality_ladder : True lowers rate, canvas size and chain where the machine is too slow.
    first_rung : step of the ladder on which the show begins.
    other_fps : rates that the ladder may choose.
    shares_cores : True if the model runs on the cores that draw; the display then gives way to it.
    marker : file that remembers a shader on which a show hung.
    maps : file that keeps the screens' mappings.
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
    """Describes the last second of the display.

    fps : canvases a second.
    work_ms : mean time from a frame's start to its presentation, ms.
    quality : text of the quality ladder.
    limited : True if the flash limiter holds the canvas back.
    striped : True if the canvas shows a striped pattern.
    stalls : intervals over `STALL` since the first canvas.
    """

    fps: float = 0.0
    work_ms: float = 0.0
    quality: str = "full"
    limited: bool = False
    striped: bool = False
    stalls: int = 0


@dataclass(frozen=True, slots=True)
class DisplayHooks:
    """Connects the display with the rest of the show. All are called on the display's thread; none may block.

    frames : generated frames.
    tick : called at the start of each display frame with its time, s; returns the newest features and view, or None.
    on_key : gets the name of an action (`keys.ACTIONS`), "preset 3" or "quit".
    on_picture : gets the canvas while `wants_pictures()`.
    picture_fps : canvases a second for `on_picture`, at most.
    wants_pictures : returns True while somebody takes canvases.
    on_shown : gets a generated frame and the time of its first presentation, s.
    on_onset_shown : gets features with a new onset and the time at which the first canvas with it was presented, s.
    on_problem : gets one line for the performer, for example about a shader.
    on_health : called once a second.
    on_texture : gets every canvas on the GPU, after it was presented.
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
    """Holds the figures of a whole show.

    frames_shown : canvases presented.
    generated_shown : generated frames that reached the canvas.
    seconds : s from the first canvas to the last.
    display_fps : canvases a second.
    frame_ms_p50, frame_ms_p99, frame_ms_max : ms between two presented canvases.
    stalls : intervals over `STALL`, from the first canvas on.
    stalls_at : s from the first canvas to the end of each stall.
    work_ms_p50, work_ms_p99 : ms from the start of a display frame to its presentation.
    errors : display frames lost to an exception.
    quality : text of the quality ladder at the end.
    renderer : name of the OpenGL implementation.
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

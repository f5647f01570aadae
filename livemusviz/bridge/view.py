"""Carries scenes from the session to the display, and the canvas from the display to recorder and web remote.

Times are seconds on the `time.perf_counter` scale, which every process of one machine shares.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from livemusviz.bridge.mapping import MapChange


@dataclass(frozen=True, slots=True)
class Effect:
    """A shader by name and the values of its inputs: numbers, switches, or tuples for points and colours."""

    shader: str
    inputs: tuple[tuple[str, float | int | bool | tuple[float, ...]], ...] = ()


@dataclass(frozen=True, slots=True)
class Scene:
    """Draws the canvas. idle : seen until there is a generated frame.  transition : between two frames.

    chain : filters over that, in order.
    """

    chain: tuple[Effect, ...] = (Effect("feedback"),)
    transition: Effect = Effect("crossfade")
    idle: Effect = Effect("silk")


@dataclass(frozen=True, slots=True)
class Meter:
    """For the operator. level, peak : linear full scale.  onset : 0..1.  beat : [0, 1), None without a tempo."""

    level: float = 0.0
    peak: float = 0.0
    onset: float = 0.0
    beat: float | None = None


@dataclass(frozen=True, slots=True)
class View:
    """Describes what the display shows besides frames and sound.

    blackout : True shows a black canvas.
    freeze : True keeps the canvas as it is.
    hud : True shows the operator's figures.
    scene : the shaders and their inputs.
    fade : s, duration of the change to a scene with other shaders.
    flash_limit : "off", "wcag" or "broadcast".
    frame_fade : s, the least length of the cross-fade from one frame to the next.
    sway : 0..1, how far a picture that rests moves.
    energy : 0..1, of the music.
    sound : float32 (n, CHANNELS), the newest samples, for shaders that draw them; None is silence.
    map_grid : True shows a test grid in place of the canvas.
    map_blend : 0..0.5, share of a screen that two screens side by side both show.
    map_changes : changes of the screens' mappings, made before this canvas is shown.
    hud_lines : lines of text for the operator.
    hud_code : rows of a QR code for the operator, "1" is dark.
    meter : levels for the operator.
    """

    blackout: bool = False
    freeze: bool = False
    hud: bool = False
    scene: Scene = Scene()
    fade: float = 0.0
    flash_limit: str = "broadcast"
    frame_fade: float = 0.0
    sway: float = 0.0
    energy: float = 0.0
    sound: np.ndarray | None = None
    map_grid: bool = False
    map_blend: float = 0.0
    map_changes: tuple[MapChange, ...] = ()
    hud_lines: tuple[str, ...] = ()
    hud_code: tuple[str, ...] = ()
    meter: Meter = Meter()


@dataclass(frozen=True, slots=True)
class CanvasPicture:
    """The canvas as it was shown, for the recorder. pixels : uint8 (H, W, 4) RGBA, top row first.

    time : s, capture time of the sound that it answers; without sound, time of its presentation.
    """

    pixels: np.ndarray
    time: float

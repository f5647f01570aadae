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

    blackout, freeze, hud : switches.  scene : the shaders and their inputs.  fade : s, how long a scene with other
    shaders takes to come in.  flash_limit : as the parameter of that name.
    sway : 0..1, how far a picture that rests moves.  energy : of the music, 0..1.
    sound : float32 (n, CHANNELS), the newest samples heard, for shaders that draw them; None is silence.
    map_grid : a test grid in the place of the canvas.  map_blend : 0..0.5, share of a screen that two side by side
    both show.  map_changes : of the screens' mappings, to be made before this canvas is shown.
    hud_lines, meter : for the operator's HUD, never part of the canvas.  hud_code : rows of a QR code for it, "1" is
    dark.
    """

    blackout: bool = False
    freeze: bool = False
    hud: bool = False
    scene: Scene = Scene()
    fade: float = 0.0
    flash_limit: str = "broadcast"
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

    time : s, when the sound was heard that it goes with; when it was shown, if there was none.
    """

    pixels: np.ndarray
    time: float

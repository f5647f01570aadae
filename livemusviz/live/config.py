"""Holds the options of a live show, checked before anything is opened. Main thread."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from livemusviz.bridge.handover import Handover
from livemusviz.budget import Budget
from livemusviz.control.options import ControlOptions
from livemusviz.diffusion.folder import EMBEDDED, resolve_model
from livemusviz.diffusion.spec import ModelSpec
from livemusviz.params.values import ParamValues
from livemusviz.sinks.spec import SinkSpec


@dataclass(frozen=True, slots=True)
class LiveConfig:
    """Holds the options of `livemusviz live`.

    input : "default", an input's name, or the path of a sound file.
    loop : True plays an input file again from its start.
    wait_for_picture : True holds an input file until the first generated frame; `duration` counts from then.
    onset : method of onset detection, "superflux" or "aubio".
    model : the model to load.
    models : folders of other models, which the show may change to.
    control_pictures : uint8 (height, width, 3) of `size`, a still for each ControlNet of the model, or None.
    style_pictures : uint8 (n, n, 3) as the vision encoder reads them, by name.
    flags : flags of the model as they were given, for the show log.
    picture : source of the pictures to start frames from, as `sources.spec` reads it; "" is none.
    pictures : folder from which a running show chooses picture files.
    size : (width, height) of a generated frame, pixels.
    canvas : (width, height) of the canvas, pixels.
    values : the parameters.
    headless : True opens no window.
    fullscreen : True fills the screen with the canvas.
    screen : number of the canvas's screen, from 1; None leaves it to the system.
    span : further screens that the canvas covers.
    operator : True opens a window for figures and a preview; None does so where the canvas fills another screen.
    shaders : a user's folders of ISF files, searched before those of the program.
    playlist : file of presets in turn.
    quality_ladder : False keeps canvas size and chain at whatever rate.
    budget : shares of the cores, and the display's rate.
    engine_fps : engine slots a second.
    duration : s; None runs until the show is ended by hand.
    stats : file for the figures at the end.
    trace : file for a line of each engine slot.
    record : file of a recording from the start.
    recordings : folder of the recordings by key or OSC.
    record_source : "canvas", or "frames" for the model's own pictures.
    container : "mp4" or "mkv", of recordings by key or OSC; the suffix of `record` names its own.
    control : options of the controllers.
    outs : outputs of the canvas beside its window.
    before : state of a show that died, to continue.
    leave : called with the state that a next show would continue.
    """

    input: str = "default"
    loop: bool = True
    wait_for_picture: bool = False
    onset: str = "superflux"
    model: ModelSpec = field(default_factory=lambda: ModelSpec(resolve_model(EMBEDDED)))
    models: tuple[Path, ...] = ()
    control_pictures: tuple[np.ndarray | None, ...] = ()
    style_pictures: Mapping[str, np.ndarray] = field(default_factory=dict)
    flags: Mapping[str, object] = field(default_factory=dict)
    picture: str = ""
    pictures: Path | None = None
    size: tuple[int, int] = (256, 256)
    canvas: tuple[int, int] = (1280, 720)
    values: ParamValues = field(default_factory=ParamValues)
    headless: bool = False
    fullscreen: bool = False
    screen: int | None = None
    span: tuple[int, ...] = ()
    operator: bool | None = None
    shaders: tuple[Path, ...] = ()
    playlist: Path | None = None
    quality_ladder: bool = True
    budget: Budget = field(default_factory=Budget)
    engine_fps: float = 30.0
    duration: float | None = None
    stats: Path | None = None
    trace: Path | None = None
    record: Path | None = None
    recordings: Path = Path("recordings")
    record_source: str = "canvas"
    container: str = "mp4"
    control: ControlOptions = field(default_factory=ControlOptions)
    outs: tuple[SinkSpec, ...] = ()
    before: Handover = field(default_factory=Handover)
    leave: Callable[[Handover], None] | None = None

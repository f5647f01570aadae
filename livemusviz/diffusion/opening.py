"""Opens a model for the engine: loaded, warmed up, and with the share of the cores that suits it. Engine's threads."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np

from livemusviz.budget import Budget
from livemusviz.diffusion.spec import ModelSpec
from livemusviz.errors import UserError

if TYPE_CHECKING:
    from livemusviz.diffusion.pipeline import Pipeline

OpenModel = Callable[[ModelSpec, "EngineSpec"], tuple["Pipeline", dict[str, str]]]
FindModel = Callable[[str], ModelSpec]
"""Returns the model of a name. UserError if there is none of that name, or if it is broken."""


def find_nothing(name: str) -> ModelSpec:
    """Refuse every name: this engine has one model."""
    raise UserError(f"model '{name[:64]}': this show has one model alone")


@dataclass(frozen=True, slots=True)
class EngineSpec:
    """Describes the work of the engine.

    model : the model to load.
    fallback : the embedded model, which takes over when `model` cannot be used.
    height, width : pixels of a frame.
    max_fps : slots a second.
    pictures : True if frames will start from pictures; the warm-up then includes that.
    budget : threads and priority of the engine.
    overlap : True enqueues the next frame before this one's pixels are read; None does so on a GPU alone, which would
    otherwise wait for Python between two frames.
    find : finds the models that the running show may change to.
    control_pictures : stills of the model's ControlNets, uint8 (height, width, 3), or None.
    style_pictures : uint8 (n, n, 3), by name.
    """

    model: ModelSpec
    fallback: ModelSpec
    height: int
    width: int
    max_fps: float = 30.0
    pictures: bool = False
    budget: Budget = field(default_factory=Budget)
    overlap: bool | None = None
    find: FindModel = find_nothing
    control_pictures: tuple[np.ndarray | None, ...] = ()
    style_pictures: Mapping[str, np.ndarray] = field(default_factory=dict)


@runtime_checkable
class ReadsWords(Protocol):
    """Finds the words and parameters without effect on the model."""

    def unknown_words(self, texts: Iterable[str]) -> tuple[str, ...]: ...

    def unused_params(self) -> tuple[str, ...]: ...


def open_pipeline(model: ModelSpec, spec: EngineSpec) -> tuple[Pipeline, dict[str, str]]:
    """Load and warm up a model; and what it runs on. UserError if it cannot be loaded.

    LoRAs belong to the model that the show began with: they are left out of another one that they do not fit. So are
    ControlNets, of the first one too. The entry "remark" tells.
    """
    from livemusviz.diffusion import backend

    backend.prepare_backend(blas_threads=spec.budget.blas_threads)
    from livemusviz.diffusion.controlnet import ControlUnfit
    from livemusviz.diffusion.ip_adapter import StyleUnfit
    from livemusviz.diffusion.lora import LoraUnfit
    from livemusviz.diffusion.pipeline import Pipeline

    remarks: list[str] = []
    asked = model
    while True:
        try:
            pipeline = Pipeline.load(model, spec.height, spec.width)
            break
        except LoraUnfit as error:
            if asked == spec.model:
                raise
            remarks.append(f"{error}; all LoRAs are left out")
            model = replace(model, loras=())
        except ControlUnfit as error:
            remarks.append(f"{error}; all ControlNets are left out")
            model = replace(model, controls=())
        except StyleUnfit as error:
            remarks.append(f"{error}; the styles are left out")
            model = replace(model, style=None)
    about = {"remark": "; ".join(remarks)} if remarks else {}
    if spec.pictures and pipeline.init.can_read:
        pipeline.set_init_image(np.zeros((spec.height, spec.width, 3), np.uint8))
        pipeline.warm_up()
        pipeline.set_init_image(None)
    if model.style is not None:
        pipeline.styles.add(spec.style_pictures)
    if spec.control_pictures:
        pipeline.controls.set_pictures(spec.control_pictures)
    pipeline.warm_up()
    return pipeline, about | {"model": pipeline.name, "backend": pipeline.backend, "blas": backend.blas_name()}

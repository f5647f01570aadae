"""The functions that `import livemusviz` offers; docs/LIBRARY.md shows them at work. Any thread, see there.

Each imports what it needs when it is called: nothing heavy is loaded before.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from livemusviz.diffusion.pipeline import Pipeline
    from livemusviz.features.offline import FeatureTrack
    from livemusviz.params.values import ParamValues
    from livemusviz.render.film import Figures


def parameters(values: Mapping[str, object] | None = None, /, **named: object) -> ParamValues:
    """Return the parameters of a show or a film, all others at their defaults.

    values, named : by the names of docs/CONTROL.md, as `prompt`, `walk_speed`, `seed`.
    Raises UserError for an unknown name, a wrong type or a value out of range.
    """
    from livemusviz.params.values import ParamValues

    return ParamValues().with_values({**(values or {}), **named})


def analyse_track(path: Path | str, gain: float = 1.0) -> FeatureTrack:
    """Return the features of a whole track, one `AudioFeatures` for each 256 samples at 48 kHz.

    path : a sound file.  gain : linear, applied before the analysis.
    `track.column("energy")` is one feature over the whole track, an array of shape (hops,).
    Raises UserError for a file that cannot be read as sound.
    """
    from livemusviz.audio.file import hops
    from livemusviz.features import offline

    return offline.analyse_hops(hops(Path(path)), gain)


def load_pipeline(model: Path | str = "embedded", size: tuple[int, int] = (256, 256), **choices: Any) -> Pipeline:
    """Load a model for pictures of one size. Use the pipeline on the thread that loaded it.

    model : "embedded", a folder in diffusers layout, or org/name from the Hugging Face cache.
    size : (width, height), each 64..2048 pixels and a multiple of 32.
    choices : fields of `livemusviz.ModelSpec`, as `bits=8`, `guidance="full"`.
    Raises UserError for a folder, a size or a choice that cannot be used.
    """
    from livemusviz.diffusion import backend
    from livemusviz.diffusion.folder import resolve_model
    from livemusviz.diffusion.spec import ModelSpec

    spec = ModelSpec(resolve_model(str(model)), **choices)
    spec.validate()
    backend.prepare_backend()
    from livemusviz.diffusion.pipeline import Pipeline

    width, height = size
    return Pipeline.load(spec, height, width)


def render_track(
    track: Path | str,
    output: Path | str,
    parameters: Mapping[str, object] | None = None,
    *,
    model: Path | str = "embedded",
    fps: Fraction | int = 30,
    **options: Any,
) -> Figures:
    """Render a film from a track, to the end or until Ctrl-C. Main thread.

    track : a sound file.
    output : .mp4, .mov or .mkv; it must not exist, unless with `overwrite=True`.
    parameters : by name, as for `parameters()`.
    model : as for `load_pipeline`.
    fps : film frames a second, 1..240.
    options : other fields of `livemusviz.RenderConfig`, as `size=(512, 512)`, `canvas=(1920, 1080)`, `until=10.0` (s).
    Returns the figures of the render; `finished` is False after an interruption.
    Raises UserError for a file, a value or a model that cannot be used.
    """
    from livemusviz.diffusion.folder import resolve_model
    from livemusviz.diffusion.spec import ModelSpec
    from livemusviz.errors import UserError
    from livemusviz.params.values import ParamValues
    from livemusviz.render.options import FILM_VALUES, RenderConfig
    from livemusviz.render.run import run_render

    figures = run_render(
        RenderConfig(
            track=Path(track),
            output=Path(output),
            model=ModelSpec(resolve_model(str(model))),
            values=ParamValues().with_values({**FILM_VALUES, **(parameters or {})}),
            fps=Fraction(fps),
            **options,
        )
    )
    if figures is None:
        raise UserError("this process is one of several that generate a film, and not the one that writes it")
    return figures

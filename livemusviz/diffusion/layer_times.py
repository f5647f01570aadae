"""Times every layer of a model in its place in a frame, for `bench --layers`. Runs on the engine thread.

Each layer waits for its input and is evaluated by itself. So no layer overlaps another, each pays for one evaluation
(some 30 microseconds on a CPU), and the sum is more than a frame takes.
"""

import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

import mlx.core as mx
import mlx.nn as nn
import numpy as np
from mlx.utils import tree_map_with_path

from livemusviz.diffusion.conditioning import Conditioning
from livemusviz.diffusion.pipeline import Pipeline
from livemusviz.diffusion.winograd import choose_forms


class Timed(nn.Module):
    """A layer that notes how long each call takes, s, and the shape of its input. In all else it is the layer."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        object.__setattr__(self, "_layer", layer)
        object.__setattr__(self, "calls", [])
        object.__setattr__(self, "shape", ())

    def __call__(self, x: mx.array, *args: Any, **options: Any) -> mx.array:
        y = self._timed(object.__getattribute__(self, "_layer"), x, *args, **options)
        object.__setattr__(self, "shape", x.shape)
        return cast(mx.array, y)

    def on_bands(self, bands: list[mx.array]) -> list[mx.array]:
        """Do what a convolution does with a picture in bands of rows."""
        made = self._timed(object.__getattribute__(self, "_layer").on_bands, bands)
        B, _, W, C = bands[0].shape
        object.__setattr__(self, "shape", (B, sum(band.shape[1] for band in bands), W, C))
        return cast(list[mx.array], made)

    def _timed(self, compute: Callable[..., Any], *args: Any, **options: Any) -> Any:
        mx.eval(args, options)
        start = time.perf_counter()
        made = compute(*args, **options)
        mx.eval(made)
        self.calls.append(time.perf_counter() - start)
        return made

    def __getattr__(self, name: str) -> Any:
        return getattr(object.__getattribute__(self, "_layer"), name)

    def __contains__(self, name: object) -> bool:
        return name in object.__getattribute__(self, "_layer")


@contextmanager
def timed(model: nn.Module) -> Iterator[dict[str, Timed]]:
    """Put a Timed layer, by its path, in the place of each layer without layers of its own; in the end undo it."""
    leaves = model.leaf_modules()
    found: dict[str, Timed] = {}

    def wrapped(path: str, layer: nn.Module) -> nn.Module:
        found[path] = Timed(layer)
        return found[path]

    model.update_modules(tree_map_with_path(wrapped, leaves, is_leaf=nn.Module.is_module))
    try:
        yield found
    finally:
        model.update_modules(leaves)


def layer_times(pipeline: Pipeline, noise: np.ndarray, text: Conditioning, runs: int) -> list[dict[str, Any]]:
    """Draw `runs` frames, after one that does not count, on a pipeline that is not compiled.

    Returns a row for each layer that a frame calls, in forward order: `layer` (unet. or vae., and its path), `form`
    (how it is computed), `input` (its shape), `calls` in a frame, `ms` (median of a frame's). The last row, `between
    layers`, is what the frame takes beside them.
    """
    parts = pipeline.parts
    frames: list[float] = []
    durations: dict[str, list[float]] = defaultdict(list)
    rows: dict[str, dict[str, Any]] = {}
    with timed(parts.unet) as unet, timed(parts.vae) as vae:
        layers = {f"{name}.{path}": layer for name, of in (("unet", unet), ("vae", vae)) for path, layer in of.items()}
        for _ in range(runs + 1):
            start = time.perf_counter()
            pipeline.generate(noise, text)
            frames.append(time.perf_counter() - start)
            for name, layer in layers.items():
                if layer.calls:
                    rows.setdefault(name, {"layer": name, "form": form(layer), "input": list(layer.shape)})
                    rows[name]["calls"] = len(layer.calls)
                    durations[name].append(sum(layer.calls))
                    layer.calls.clear()
    for name, row in rows.items():
        row["ms"] = _milliseconds(durations[name][1:])
    between = [frame - sum(layer[i] for layer in durations.values()) for i, frame in enumerate(frames)]
    last = {"layer": "between layers", "form": "", "input": [], "calls": 1, "ms": _milliseconds(between[1:])}
    return [*rows.values(), last]


def form(layer: Timed) -> str:
    """Return how a layer is computed: "F(4x4, 3x3)" or "F(2x2, 3x3)" for Winograd's, else its class."""
    if getattr(layer, "fast", None) is None:
        return type(object.__getattribute__(layer, "_layer")).__name__
    by, _ = choose_forms(*layer.shape[:3])
    return f"F({by.tile}x{by.tile}, 3x3)"


def _milliseconds(seconds: list[float]) -> float:
    return round(1e3 * statistics.median(seconds), 3)

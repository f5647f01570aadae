"""Times ControlNets and T2I-Adapters stage by stage, for `bench --control`. Runs on the engine thread."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mlx.core as mx
import numpy as np

from livemusviz.bridge.frames import ControlLevel
from livemusviz.diffusion.conditioning import Conditioning
from livemusviz.diffusion.control_pictures import process
from livemusviz.diffusion.folder import model_name
from livemusviz.diffusion.pipeline import Pipeline
from livemusviz.diffusion.t2i_adapter import T2IAdapter

Median = Callable[[Callable[[], object]], float]
"""Returns the median duration of some work, ms."""


def control_times(pipeline: Pipeline, noise: np.ndarray, text: Conditioning, median: Median) -> list[dict[str, Any]]:
    """Return a row for each control, in milliseconds; all are off afterwards.

    Each row: `control` (its folder's name), `processor`, `picture_ms` (the processor's), `encode_ms` (the picture's,
    once a picture), `residuals_ms` (of one evaluation; 0 for a T2I-Adapter, which has none), `generate_ms` (a frame
    with it alone and a still picture).
    """
    count = len(pipeline.controls)
    rows = []
    for n in range(count):
        pipeline.controls.set_levels(ControlLevel(float(k == n)) for k in range(count))
        rows.append(_times(pipeline, n, noise, text, median))
    turn_off(pipeline)
    return rows


def turn_off(pipeline: Pipeline) -> None:
    """Set the scale of all controls to 0."""
    pipeline.controls.set_levels([ControlLevel(0.0)] * len(pipeline.controls))


def _times(pipeline: Pipeline, n: int, noise: np.ndarray, text: Conditioning, median: Median) -> dict[str, Any]:
    parts = pipeline.parts
    spec, net, inputs = parts.spec.controls[n], parts.controls[n], text.inputs.nets[n]
    picture = np.random.default_rng(2).integers(0, 256, (*pipeline.size, 3), dtype=np.uint8)
    processed = mx.array(process(picture, spec.processor)[None]).astype(parts.dtype)
    residuals_ms = 0.0
    if not isinstance(net, T2IAdapter):
        network, x, encoded = net, mx.array(noise)[None].astype(parts.dtype), net.encode_picture(processed)
        mx.eval(x, encoded, inputs)
        residuals_ms = median(lambda: mx.eval(network(x, encoded, inputs.conditions[0], inputs.keys_values)))
    pipeline.controls.set_picture(n, picture)
    return {
        "control": model_name(spec.folder),
        "processor": spec.processor,
        "picture_ms": median(lambda: process(picture, spec.processor)),
        "encode_ms": median(lambda: mx.eval(net.encode_picture(processed))),
        "residuals_ms": residuals_ms,
        "generate_ms": median(lambda: pipeline.generate(noise, text, 0.2)),
    }

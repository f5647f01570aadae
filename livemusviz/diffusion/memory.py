"""Estimates if another model has room in memory beside the one that is loaded. Any thread that may use mlx."""

from __future__ import annotations

import mlx.core as mx

from livemusviz.diffusion.backend import backend_name
from livemusviz.diffusion.catalogue import weights_size
from livemusviz.diffusion.spec import ModelSpec
from livemusviz.platforms import free_memory

WORKING = 1.5
"""A model's memory, as a multiple of its weights: with what a frame takes beside them."""
FLOAT32 = 2.0
"""Growth of float16 files that a CPU holds in float32."""
RESERVE = 1 << 30
"""Bytes that are left for all else on the machine."""


def fits_beside(spec: ModelSpec) -> bool:
    """Return True if a model has room beside what this process holds now, by the size of its files."""
    size = weights_size(spec.folder) + (weights_size(spec.vae) if spec.vae else 0)
    factor = FLOAT32 if backend_name() == "cpu" else 1.0
    return size * factor * WORKING + RESERVE <= _free()


def _free() -> int:
    """Return the bytes free where MLX keeps its arrays, with those of its cache."""
    if backend_name() == "cpu":
        return free_memory()
    info = mx.device_info()
    if backend_name() == "metal":
        return int(info["max_recommended_working_set_size"]) - mx.get_active_memory()
    return int(info.get("free_memory", 0)) + mx.get_cache_memory()

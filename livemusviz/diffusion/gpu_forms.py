"""Chooses, at warm-up, how a GPU computes a model's norms: by what is equal on the real shapes and faster there.

Engine thread.
"""

import logging
import statistics
import time
from collections.abc import Callable, Iterable

import mlx.core as mx
import mlx.nn as nn

from livemusviz.diffusion.layers import GroupNorm

log = logging.getLogger(__name__)

TOLERANCE = {mx.float32: 1e-5, mx.float16: 4e-3, mx.bfloat16: 3e-2}
"""Largest difference that is rounding, of values with variance 1 and up to 5 or so, by dtype."""
RUNS = 7
CALLS = 10
"""Norms in one timed run: a GPU's kernel is shorter than the call that starts it."""
GAIN = 0.95
"""A form must take less than this share of the plain one's time, else nothing is changed."""

Timer = Callable[[Callable[[], mx.array]], float]


def choose_norms(networks: Iterable[nn.Module], duration: Timer | None = None) -> int:
    """Let every GroupNorm that has seen a frame be fused where that is the same and faster, else plain.

    duration : times one form, s; for tests. Returns how many are fused.
    """
    decided: dict[tuple[object, ...], bool] = {}
    chosen = 0
    for module in (module for network in networks for module in network.modules()):
        if not isinstance(module, GroupNorm) or module.seen is None:
            continue
        key = (*module.seen, module.groups, module.eps)
        if key not in decided:
            decided[key] = _fused_wins(module, duration or _median)
        module.fused = decided[key]
        chosen += module.fused
    log.debug("%d of the model's norms are fused", chosen)
    return chosen


def _fused_wins(norm: GroupNorm, duration: Timer) -> bool:
    """True where the fused form gives what the plain one gives, within rounding, in less time."""
    shape, dtype = norm.seen
    x = (mx.random.normal(shape, key=mx.random.key(0)) * 3 + 1).astype(dtype)
    plain, fused = GroupNorm(norm.groups, shape[-1], norm.eps), GroupNorm(norm.groups, shape[-1], norm.eps)
    for form in (plain, fused):
        form.set_dtype(dtype)
    fused.fused = True
    difference = mx.abs(fused(x).astype(mx.float32) - plain(x).astype(mx.float32)).max()
    if not float(difference) <= TOLERANCE.get(dtype, 0.0):
        return False
    return duration(lambda: fused(x)) < GAIN * duration(lambda: plain(x))


def _median(form: Callable[[], mx.array]) -> float:
    mx.eval([form() for _ in range(CALLS)])
    durations = []
    for _ in range(RUNS):
        start = time.perf_counter()
        mx.eval([form() for _ in range(CALLS)])
        durations.append(time.perf_counter() - start)
    return statistics.median(durations)

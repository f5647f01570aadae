"""Interpolates between prompts: their embeddings, token by token. Engine thread, any float dtype."""

from collections.abc import Sequence

import mlx.core as mx

NEARLY_PARALLEL = 0.9995
"""Cosine from which the arc between two vectors is too short (or, negated, too undefined) to be divided by its sine."""


def slerp_tokens(a: mx.array, b: mx.array, t: mx.array) -> mx.array:
    """Slerp (Shoemake 1985) of each token's vector on its own; t : 0-d, 0 gives a, 1 gives b.

    a, b : (..., D). Tokens that are nearly the same in both, as the start token always is, are interpolated
    linearly, and so are opposite ones; the others are not affected by them.
    """
    a32, b32 = a.astype(mx.float32), b.astype(mx.float32)
    norms = mx.linalg.norm(a32, axis=-1, keepdims=True) * mx.linalg.norm(b32, axis=-1, keepdims=True)
    cosine = (a32 * b32).sum(axis=-1, keepdims=True) / mx.maximum(norms, 1e-12)
    straight = mx.abs(cosine) > NEARLY_PARALLEL
    angle = mx.arccos(mx.where(straight, 0.0, cosine))
    sine = mx.sin(angle)
    weight_a = mx.where(straight, 1 - t, mx.sin((1 - t) * angle) / sine)
    weight_b = mx.where(straight, t, mx.sin(t * angle) / sine)
    return (weight_a * a32 + weight_b * b32).astype(a.dtype)


def lerp_tokens(a: mx.array, b: mx.array, t: mx.array) -> mx.array:
    """Straight from a (t = 0) to b (t = 1), computed in float32."""
    a32 = a.astype(mx.float32)
    return (a32 + t * (b.astype(mx.float32) - a32)).astype(a.dtype)


METHODS = {"slerp": slerp_tokens, "lerp": lerp_tokens}


def blend_embeddings(arrays: Sequence[mx.array], weights: Sequence[float], method: str = "slerp") -> mx.array:
    """Return the weighted mean of arrays of one shape, (..., D), on arcs or on straight lines.

    weights : as many, >= 0 and not all 0; only their ratios count. Each array is mixed into the mean of those before it
    by its share of the weight so far, so with "lerp" it is the plain weighted mean.
    """
    mix = METHODS[method]
    result, total = arrays[0], weights[0]
    for array, weight in zip(arrays[1:], weights[1:], strict=True):
        total += weight
        if weight > 0:
            share = mx.array(weight / total, dtype=mx.float32)
            result = mix(result, array, share)
    return result

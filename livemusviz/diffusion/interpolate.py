"""Between two prompts: per-token spherical interpolation. Engine thread, any float dtype."""

import mlx.core as mx

NEARLY_PARALLEL = 0.9995
"""Cosine from which the arc between two vectors is too short (or, negated, too undefined) to be divided by its sine."""


def slerp_tokens(a: mx.array, b: mx.array, t: mx.array) -> mx.array:
    """Slerp (Shoemake 1985) of each token's vector on its own; t : 0-d, 0 gives a, 1 gives b.

    a, b : (B, T, D). Tokens that are nearly the same in both, as the start token always is, are interpolated
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

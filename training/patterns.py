"""Families that are patterns and close-ups: fractal, spiral, moire, geometry, glass, scales, bubbles, coral, feathers,
eye, bars, honeycomb."""

from __future__ import annotations

import numpy as np

from training.fields import Fields, Layers, line, relief, sigmoid, step

TAU = 2 * np.pi


def fractal(f: Fields) -> Layers:
    """Four steps of a Julia set's z^2 + c; the nearest passage to the origin and to the axes gives the tone."""
    x, y = 1.35 * f.u + 0.04 * f.slow(0, 2.0), 1.35 * f.v + 0.04 * f.slow(1, 2.0)
    c_x, c_y = -0.72 + 0.05 * f.slow(2, 4.0), 0.24 + 0.05 * f.slow(3, 4.0)
    trap, cross = np.full_like(f.u, 4.0), np.full_like(f.u, 4.0)
    for _ in range(4):
        x, y = np.clip(x * x - y * y + c_x, -3, 3), np.clip(2 * x * y + c_y, -3, 3)
        trap, cross = np.minimum(trap, x * x + y * y), np.minimum(cross, np.abs(y) + 0.3 * np.abs(x))
    size = np.log(0.05 + x * x + y * y)
    wave = 0.5 + 0.5 * np.sin(2.2 * size + 0.5 * f.slow(4, 2.0))
    edge = line(cross, 0.12)
    return Layers(
        0.1 + 0.42 * wave * sigmoid(1.5 - size) + 0.45 * edge,
        0.45 + 0.65 * np.exp(-1.6 * trap),
        0.5 * step(edge, 0.6, 1),
    )


def spiral(f: Fields) -> Layers:
    x, y = f.u + 0.03 * f.slow(0, 1.8), f.v + 0.03 * f.slow(1, 1.8)
    r, theta = np.sqrt(x * x + y * y + 0.002), np.arctan2(y, x)
    wave = np.sin(3 * theta + 4.5 * f.scale * np.log(r + 0.05) + 0.35 * f.slow(2, 1.6))
    arm = sigmoid(5.0 * wave + 0.5 * f.fine(0.7))
    return Layers(0.08 + 0.8 * arm, 0.25 + 0.9 * step(r, 0.02, 0.5), 0.4 * line(wave - 0.8, 0.12) + 0.5 * line(r, 0.05))


def moire(f: Fields) -> Layers:
    """Rings and two sets of straight lines over each other."""
    bend = 0.3 * f.slow(0, 3.0)
    rings = np.sin(TAU * 2.0 * f.scale * np.sqrt(f.r * f.r + 0.004) + bend)
    bars, rows = (np.sin(TAU * 2.0 * f.scale * along + bend) for along in (f.u, f.v))
    lit = 0.5 + 0.22 * rings + 0.28 * bars * rings + 0.2 * rows * rings
    return Layers(0.05 + 0.9 * step(lit, 0.2, 0.85), 0.7 + 0.35 * lit, 0.4 * step(lit, 0.8, 1.0))


def geometry(f: Fields) -> Layers:
    """Squares and circles laid over each other."""
    tone, edges = np.full_like(f.u, 0.45), np.zeros_like(f.u)
    for index, (along, weight) in enumerate(((f.u, 0.17), (f.v, 0.15), (f.r, 0.2))):
        wave = np.sin(TAU * f.scale * along + 0.35 * f.slow(index, 3.0) + index)
        tone = tone + weight * np.tanh(6.0 * wave)
        edges = np.maximum(edges, line(wave, 0.08))
    shade = 0.12 * f.slow(4, 2.0)
    return Layers(tone + shade + 0.2 * edges, 0.8 + 0.3 * shade + 0.3 * edges, 0.6 * step(edges, 0.4, 1.0))


def glass(f: Fields) -> Layers:
    f1, f2, tone = f.nearest_seeds(0.5 / f.scale**2)
    lead = step(f2 - f1, 0.05, 0.16)
    rose = 0.5 + 0.5 * np.cos(8 * np.arctan2(f.v, f.u)) * step(f.r, 0.1, 0.5)
    light = np.exp(-0.9 * f.r * f.r)
    pane = 0.52 + 0.42 * tone + 0.06 * f.fine(0.3)
    return Layers(pane, lead * (0.35 + 0.6 * light + 0.2 * rose + 0.12 * f.slow(0, 1.5)) + 0.02, 0.2 * lead * light)


def scales(f: Fields) -> Layers:
    """Two rows of scales a latent cell, the second half a scale aside; each hangs over the row below it."""
    x, y = f.cell()
    rim, inner = np.zeros_like(f.u), np.zeros_like(f.u)
    for row, shift in ((-1.0, 0.0), (-0.5, 0.5), (0.0, 0.0), (0.5, 0.5)):
        dx = np.abs((x + shift + 0.5) % 1 - 0.5)
        d = np.sqrt(dx * dx + (y - row) ** 2 * 0.75)
        inside = step(0.56 - d, 0.0, 0.04) * (y >= row)
        rim, inner = rim + (step(d, 0.38, 0.54) - rim) * inside, inner + ((1 - d / 0.56) - inner) * inside
    sheen = sigmoid(1.7 * f.slow(0, 1.6) + 0.8 * f.fine(0.8))
    return Layers(
        0.16 + 0.34 * inner + 0.4 * sheen - 0.2 * rim,
        (0.35 + 0.8 * sheen) * (1.1 - 0.8 * rim),
        0.35 * step(inner * sheen, 0.3, 0.6),
    )


def bubbles(f: Fields) -> Layers:
    f1, f2, tone, dx, dy = f.seeds_around(1.2 / f.scale**2)
    size = 0.72 + 0.42 * f.slow(0, 1.5) * 0.3
    near = f1 / (size + 0.35)
    ball = step(np.minimum(size + 0.3 - f1, 1.6 * (f2 - f1)), -0.02, 0.06)
    rim = ball * step(near, 0.62, 1.0)
    shade = sigmoid(-2.6 * (dx + dy) * 0.9)
    shine = np.exp(-((dx + 0.28) ** 2 + (dy + 0.3) ** 2) * 26)
    back = 0.1 + 0.1 * sigmoid(f.slow(1, 2.0)) - 0.04 * f.v
    return Layers(
        back + (0.3 + 0.38 * shade + 0.14 * tone + 0.22 * rim - back) * ball,
        0.5 + ball * (0.25 + 0.45 * shade),
        0.95 * shine * ball + 0.22 * rim,
    )


def coral(f: Fields) -> Layers:
    n = 1.25 * f.fine(0.34) - 0.95 * f.fine(0.75) + 0.25 * f.slow(0, 1.2)
    ridge = sigmoid(4.0 * n)
    lit = relief(n, 0.7)
    depth = 0.5 + 0.25 * f.slow(1, 2.0)
    return Layers(
        0.12 + 0.62 * ridge + 0.12 * lit + 0.08 * depth, 0.45 + 0.55 * ridge + 0.25 * lit, 0.3 * step(lit, 0.5, 1.4)
    )


def feathers(f: Fields) -> Layers:
    f1, f2, tone, dx, dy = f.seeds_around(1.5 / f.scale**2)
    length = np.sqrt(dx * dx * 1.6 + (dy - 0.15) ** 2 * 0.7)
    barb = 0.5 + 0.5 * np.sin(TAU * 2.6 * (dy + 0.9 * np.abs(dx)) + 0.5 * f.slow(0, 1.5))
    quill = np.exp(-np.abs(dx) * 22)
    ring = line(length - 0.36, 0.09)
    spot = step(length, 0.24, 0.14)
    gap = step(f2 - f1, 0.0, 0.3)
    return Layers(
        0.2 + 0.3 * barb * gap + 0.1 * tone + 0.5 * ring + (0.1 - 0.3) * spot + 0.25 * quill,
        (0.4 + 0.35 * barb + 0.55 * ring) * (0.35 + 0.65 * gap),
        0.4 * step(ring, 0.75, 1.0) + 0.3 * quill * gap,
    )


def eye(f: Fields) -> Layers:
    x, y = f.u + 0.03 * f.slow(0, 3.0), f.v + 0.03 * f.slow(1, 3.0)
    r, theta = np.sqrt(x * x + y * y + 1e-4), np.arctan2(y, x)
    fibre = 0.5 + 0.3 * np.cos(10 * theta + 0.5 * f.slow(2, 1.6)) + 0.2 * np.cos(20 * theta + 0.6 * f.slow(3, 1.6))
    iris = step(r, 0.6, 0.55) * step(r, 0.2, 0.25)
    lid = step(0.74 - 0.34 * x * x - np.abs(y), -0.02, 0.03)
    white = 0.8 - 0.35 * step(r, 0.6, 1.3) + 0.04 * f.fine(0.5)
    skin = 0.14 + 0.05 * f.fbm(0.7, 3)
    tone = white + (0.22 + 0.55 * fibre * step(r, 0.18, 0.5) + 0.1 * step(r, 0.3, 0.22) - white) * step(r, 0.6, 0.55)
    tone = tone * step(r, 0.2, 0.24)
    shine = line(np.sqrt((x + 0.12) ** 2 + (y + 0.14) ** 2), 0.05)
    return Layers(
        skin + (tone - skin) * lid,
        0.45 + lid * (0.3 + 0.35 * iris * fibre + 0.2 * (1 - iris)) - 0.3 * lid * line(r - 0.58, 0.04),
        step(shine, 0.45, 0.9) * lid,
    )


def bars(f: Fields) -> Layers:
    """Draw a spectrum analyser: a bar a latent cell, four lamps a cell, mirrored about the middle."""
    x, y = f.cell()
    height = f.columns(0.42 + 0.22 * f.slow(0, 6.0, 0.7) + 0.12 * f.slow(1, 6.0, 1.5)) * (1.05 - 0.25 * f.u * f.u)
    lamp = step(np.abs((4 * y + 64) % 1 - 0.5), 0.5, 0.32) * step(np.abs(x), 0.47, 0.36)
    level = np.abs(f.v)
    on = step(height - level, -0.02, 0.03)
    glow = np.exp(-4.0 * np.maximum(level - height, 0))
    return Layers(
        0.06 + on * lamp * (0.42 + 0.5 * np.minimum(level / 0.8, 1)) + 0.1 * glow,
        0.3 + 0.3 * glow + 0.7 * on * lamp,
        0.5 * lamp * line(level - height + 0.03, 0.035),
    )


def honeycomb(f: Fields) -> Layers:
    f1, f2, tone = f.nearest_seeds(0.25 / f.scale**2)
    wall = np.exp(-((f2 - f1) ** 2) * 60)
    full = sigmoid(2.0 * tone + 0.9 * f.slow(0, 1.8))
    hollow = step(f2 - f1, 0.1, 0.75)
    return Layers(
        0.1 + 0.62 * wall + 0.34 * full * hollow, 0.4 + 0.6 * wall + 0.4 * full * hollow, 0.3 * step(wall, 0.8, 1.0)
    )


FAMILIES = (fractal, spiral, moire, geometry, glass, scales, bubbles, coral, feathers, eye, bars, honeycomb)

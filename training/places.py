"""Families that are places and weather: rain, snow, starfield, smoke, fireworks, skyline, forest, dunes."""

from __future__ import annotations

import numpy as np

from training.fields import Fields, Layers, line, sigmoid, step


def rain(f: Fields) -> Layers:
    far, near = f.fine(0.9, 0.2), f.fine(2.2, 0.24)
    streak = 0.45 * step(far, 0.9, 2.4) + 0.8 * step(near, 1.1, 2.3)
    mist = sigmoid(0.9 * f.slow(0, 2.0) + 0.4 * f.fbm(1.2, 2))
    ground = step(f.v, 0.45, 1.0)
    splash = ground * step(f.fine(0.2, 0.7), 0.9, 2.2)
    return Layers(
        0.12 + 0.3 * mist - 0.1 * f.v + 0.5 * streak + 0.35 * splash,
        0.5 + 0.35 * mist + 0.55 * streak + 0.3 * splash,
        0.45 * step(streak, 0.55, 1.1),
    )


def snow(f: Fields) -> Layers:
    flakes = np.minimum(f.sparkles(0.13, 0.9), 1.0)
    small = step(f.fine(0.2), 1.5, 2.8)
    hill = f.v - 0.5 - 0.07 * f.slow(0, 3.0, 2.0)
    ground = step(hill, -0.02, 0.03)
    sky = 0.34 - 0.16 * f.v + 0.16 * sigmoid(f.fbm(1.6, 2)) + 0.05 * f.slow(1, 2.5)
    drift = 0.84 - 0.2 * step(hill, 0.0, 0.6) + 0.05 * f.fine(0.35, 1.5)
    return Layers(
        sky + (drift - sky) * ground + 0.3 * small * (1 - ground),
        0.8 + 0.3 * ground,
        0.95 * flakes * (1 - 0.4 * ground),
    )


def starfield(f: Fields) -> Layers:
    haze = sigmoid(1.1 * f.fbm(1.8, 3) + 0.8 * f.slow(0, 2.5) - 0.9)
    big, small = f.sparkles(0.1, 1.6), step(f.fine(0.2), 1.9, 3.0)
    return Layers(
        0.1 + 0.32 * haze - 0.06 * f.v, 0.35 + 0.6 * haze + 0.5 * big, np.minimum(1.2 * big + 0.6 * small, 1.2)
    )


def smoke(f: Fields) -> Layers:
    sway = 0.12 * f.slow(0, 2.0) * (1 - f.v)
    n = f.fine(1.6, 0.8) + 0.5 * f.fine(0.7, 0.4) * f.style.detail + 0.6 * f.slow(1, 2.0, 1.2)
    strand = np.exp(-2.0 * np.abs(np.sin(1.1 * f.scale * n + 0.8 * f.slow(2, 2.5))))
    plume = np.exp(-2.2 * (f.u + sway + 0.12 * n) ** 2 / (0.45 + 0.25 * (1 - f.v)))
    body = plume * (0.35 + 0.65 * sigmoid(1.6 * n))
    return Layers(0.05 + 0.5 * body + 0.4 * strand * plume, 0.3 + 0.85 * plume * (0.4 + 0.6 * strand))


def fireworks(f: Fields) -> Layers:
    x, y = f.u + 0.03 * f.slow(0, 3.0), f.v + 0.03 * f.slow(1, 3.0)
    r, theta = np.sqrt(x * x + y * y + 0.001), np.arctan2(y, x)
    tone, light, spark = 0.08 + 0.05 * step(f.v, 0.2, 1.2), np.full_like(f.u, 0.3), line(r, 0.05)
    for rays, size in ((10, 0.85), (6, 0.42)):
        spokes = (0.5 + 0.5 * np.cos(rays * theta + 0.4 * f.slow(2, 2.0))) ** 2
        trail = spokes * step(r, 0.05, 0.2) * step(r, size, 0.5 * size)
        tip = spokes * line(r - 0.85 * size, 0.06)
        tone = tone + 0.45 * trail + 0.45 * tip
        light = light + 0.7 * trail + 0.7 * tip
        spark = spark + 0.8 * tip + 0.3 * step(trail, 0.5, 1.0)
    stars = np.minimum(0.6 * f.sparkles(0.08, 1.3), 0.8)
    return Layers(tone + 0.4 * line(r, 0.12), light + 0.4 * line(r, 0.3), np.maximum(np.minimum(spark, 1.1), stars))


def skyline(f: Fields) -> Layers:
    horizon = 0.62
    x, y = f.cell()
    glow = np.exp(-1.8 * np.maximum(horizon - f.v, 0))
    tone, light = 0.25 + 0.5 * glow + 0.06 * f.fine(0.6, 2.0), 0.7 + 0.4 * glow
    spark = np.minimum(0.4 * f.sparkles(0.07, 1.3), 0.6) * (1 - glow)
    far = step(f.v - (0.12 + 0.2 * f.columns(f.slow(0, 6.0, 0.7))), -0.01, 0.01)
    tone, light, spark = tone + (0.3 - tone) * far, light + (0.6 - light) * far, spark * (1 - far)
    near = step(f.v - (0.32 + 0.24 * f.columns(f.slow(1, 6.0, 0.7))), -0.01, 0.01)
    pane = step(0.102 - np.abs((4 * x + 64) % 1 - 0.5) / 4, 0.0, 0.03) * step(
        0.102 - np.abs((4 * y + 64) % 1 - 0.5) / 4, 0.0, 0.03
    )
    lit = pane * sigmoid(3.2 * f.blocks() - 0.8) * near * step(f.v, 1.0, 0.85)
    tone, light = tone + (0.05 - tone) * near, light + (0.25 - light) * near
    return Layers(tone + 0.75 * lit, light + 0.85 * lit, np.maximum(spark * (1 - near), 0.25 * lit))


def forest(f: Fields) -> Layers:
    fog = 0.62 - 0.3 * f.v + 0.1 * f.slow(0, 2.0) + 0.06 * f.fbm(1.4, 2)
    beam = np.exp(-2.0 * (f.u + 0.35 * f.v + 0.15 * f.slow(1, 3.0)) ** 2)
    tone, light = fog + 0.22 * beam, 0.75 + 0.35 * beam
    for index, (width, shade) in enumerate(((0.22, 0.42), (0.3, 0.26), (0.42, 0.08))):
        field = f.fine(7.0, width) if index == 0 else f.slow(1 + index, 7.0, 0.6 + 0.35 * index)
        trunk = step(field, 0.55 + 0.12 * index, 0.75 + 0.12 * index)
        bark = 0.06 * f.fine(1.2, 0.2)
        tone, light = tone + (shade + bark - tone) * trunk, light + (0.7 - 0.15 * index - light) * trunk
    crown = step(f.fbm(0.8, 3) - 1.6 * (f.v + 0.75), 0.0, 0.6)
    floor = step(f.v - 0.72 + 0.08 * f.fine(0.4, 0.6), -0.05, 0.1)
    dark = np.maximum(0.8 * crown, floor)
    tone += (0.2 + 0.14 * f.fine(0.25, 0.3) * f.style.detail - tone) * dark
    return Layers(tone, light - 0.2 * dark)


def dunes(f: Fields) -> Layers:
    sun = line(np.sqrt((f.u - 0.3) ** 2 + (f.v + 0.62) ** 2), 0.12)
    tone, light, spark = (
        0.6 - 0.2 * step(-f.v, 0.2, 1.1) + 0.35 * sun,
        np.full_like(f.u, 1.0),
        0.8 * step(sun, 0.5, 0.9),
    )
    for layer, base in enumerate((-0.15, 0.35)):
        crest = base + 0.15 * f.slow(2 * layer, 3.0, 2.2)
        below = f.v - crest
        inside = step(below, -0.012, 0.012)
        slope = f.slow(2 * layer + 1, 2.0, 1.0)
        ripple = 0.05 * np.sin(9 * f.fine(0.3, 2.4)) * step(below, 0.02, 0.2) * f.style.detail
        shade = 0.8 - 0.2 * layer - 0.4 * step(below, 0.0, 0.5) + 0.14 * slope + ripple
        tone, spark = tone + (shade - tone) * inside, spark * (1 - inside)
        light += (1.05 - 0.5 * step(slope, 0.1, -0.9) - light) * inside
    return Layers(tone, light, spark)


FAMILIES = (rain, snow, starfield, smoke, fireworks, skyline, forest, dunes)

"""The visual families: what a noun does to a picture.

Each family is a pointwise function of the fields and coordinates, so one step in z moves it smoothly: Fields -> Layers.
More of them are in `places` and `patterns`. `FAMILIES` holds, per family, the nouns that name it and each noun's
palette when the caption gives no colour.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from training import patterns, places
from training.fields import CELL, Fields, Layers, line, relief, sigmoid, step
from training.nouns import NOUNS

TAU = 2 * np.pi


def clouds(f: Fields) -> Layers:
    n = f.fbm(1.5, 4, 0.6) + 0.5 * f.slow(0)
    lit = relief(n, 2.2)
    body = sigmoid(2.4 * n + 0.4)
    return Layers(0.22 + 0.62 * body + 0.22 * lit * body, 0.55 + 0.55 * body)


def nebula(f: Fields) -> Layers:
    n = f.fbm(1.4, 4, 0.6) + 0.6 * f.slow(0)
    dust = f.fine(0.5)
    gas = sigmoid(1.3 * n - 0.5)
    filament = np.exp(-2.6 * np.abs(n - 0.5 + 0.35 * dust))
    return Layers(0.08 + 0.6 * gas + 0.35 * filament * gas, 0.25 + 0.9 * gas, np.minimum(f.sparkles(0.09, 1.3), 1.2))


def marble(f: Fields) -> Layers:
    n, m = f.fine(1.1) + 0.25 * f.fine(0.4), f.slow(0, 1.2) + 0.2 * f.fine(0.5)
    vein = np.maximum(line(n, 0.24), 0.75 * line(m, 0.2))
    shade = 0.5 + 0.3 * np.sin(1.5 * n + 1.0 * m)
    return Layers(0.9 - 0.3 * shade * sigmoid(1.5 * n) - 0.75 * vein + 0.06 * relief(n, 1.0))


def caustics(f: Fields) -> Layers:
    a, b = f.fine(0.75) + 0.3 * f.slow(0), f.slow(1, 0.95) + 0.3 * f.slow(2)
    web = 0.75 * line(a, 0.2) + 0.75 * line(b, 0.25) + 0.8 * line(a, 0.3) * line(b, 0.3)
    deep = 0.5 + 0.2 * f.slow(3)
    return Layers(0.28 + 0.22 * deep + 0.5 * web, 0.8 + 0.3 * web, 0.35 * step(web, 0.8, 1.5))


def cells(f: Fields) -> Layers:
    f1, f2, tone = f.nearest_seeds(0.75 / f.scale**2)
    edge = f2 - f1
    wall = np.exp(-(edge * edge) * 160)
    round_ = np.exp(-1.6 * f1 * f1)
    return Layers(
        0.22 + 0.62 * round_ + 0.14 * tone - 0.35 * wall,
        0.45 + 0.65 * step(edge, 0.02, 0.35),
        0.5 * step(round_, 0.72, 1.0),
    )


def crystals(f: Fields) -> Layers:
    f1, f2, tone = f.nearest_seeds(1.1 / f.scale**2)
    edge = np.exp(-((f2 - f1) ** 2) * 260)
    facet = 0.5 + 0.42 * tone + 0.3 * np.sin(3.0 * (f.u - f.v) + 5 * tone)
    return Layers(0.12 + 0.75 * facet - 0.22 * f1 + 0.35 * edge, 0.65 + 0.4 * facet, 0.35 * edge)


def rings(f: Fields) -> Layers:
    x, y = f.u + 0.06 * f.slow(0, 1.5), f.v + 0.06 * f.slow(1, 1.5)
    r = np.sqrt(x * x + y * y + 0.003)
    wave = np.sin(TAU * (2.0 * f.scale * r) - 0.7 * f.slow(2, 1.5) + 0.3 * f.fine(0.6))
    lit = 0.5 + 0.5 * wave
    return Layers(0.12 + 0.66 * lit**1.5 + 0.1 * wave * y, 1.1 - 0.45 * step(r, 0.5, 1.6), 0.45 * step(lit, 0.88, 1.0))


def ocean(f: Fields) -> Layers:
    horizon = -0.32 + 0.02 * f.slow(0, 2.5)
    down = f.v - horizon
    depth = np.maximum(down, 0) + 0.1
    swell = f.fine(0.4, 1.1)
    wave = np.sin(TAU * 2.2 * f.scale * np.log(depth) + 1.5 * f.slow(1, 1.4) + 1.3 * swell)
    ripple = f.fine(0.22, 0.6)
    crest = np.exp(2.2 * (wave - 1) + 0.7 * ripple * f.style.detail)
    sun_x = 0.12 * f.slow(2, 2.5)
    glitter = np.exp(-((f.u - sun_x) ** 2) / (0.02 + 0.1 * depth)) * sigmoid(3.5 * (ripple + wave - 0.4))
    sea = 0.2 + 0.24 * step(depth, 0.9, 0.1) + 0.42 * crest + 0.12 * wave
    sun = line(np.sqrt((f.u - sun_x) ** 2 + (down + 0.28) ** 2), 0.13)
    sky = 0.3 + 0.42 * np.exp(-3.0 * np.abs(down)) + 0.1 * f.fine(0.3, 1.8) + 0.8 * sun
    above = step(down, 0.015, -0.015)
    return Layers(
        sea + (sky - sea) * above,
        0.95 - 0.25 * (1 - above) * step(depth, 0.5, 1.6),
        0.75 * glitter * (1 - above) + 0.9 * step(sun, 0.5, 0.9) * above,
    )


def silk(f: Fields) -> Layers:
    fold = 0.9 * f.slow(0, 1.5) + 0.5 * f.fine(0.7, 1.6) + 0.6 * f.u + 1.0 * f.v
    a, b = np.sin(2.0 * f.scale * fold), np.sin(2.7 * f.scale * fold + 0.6 * f.slow(2, 1.3))
    sheen = 0.5 + 0.28 * a + 0.22 * b
    return Layers(0.08 + 0.85 * sheen**1.4, 0.5 + 0.55 * sheen, 0.4 * step(sheen, 0.85, 1.0))


def kaleidoscope(f: Fields) -> Layers:
    theta = np.arctan2(f.v, f.u) + 0.04 * f.slow(0, 1.6)
    r = f.r + 0.02
    fold = np.cos(6 * theta)
    a = np.sin(TAU * 1.0 * f.scale * r + 1.8 * fold + 0.5 * f.slow(1, 1.5))
    b = np.sin(TAU * 1.6 * f.scale * r - 2.0 * np.cos(12 * theta) * np.minimum(r, 1) + 0.6 * f.slow(2, 1.5))
    c = a * b
    seam = line(c, 0.12)
    return Layers(
        0.45 + 0.26 * a + 0.2 * b, 0.45 + 0.55 * sigmoid(2.5 * a) + 0.35 * seam, 0.55 * seam * step(r, 0.0, 0.3)
    )


def flower(f: Fields) -> Layers:
    x, y = f.u + 0.03 * f.slow(0, 1.6), f.v + 0.03 * f.slow(1, 1.6)
    r, theta = np.sqrt(x * x + y * y + 1e-4), np.arctan2(y, x)
    tone, light, done = np.full_like(r, 0.1), np.full_like(r, 0.5), np.zeros_like(r)
    for layer, (size, count) in enumerate(((0.3, 5), (0.58, 6), (0.92, 6))):
        turn = count * (theta + 0.03 * f.slow(2, 1.6)) + layer * np.pi
        petal = size * (0.72 + 0.28 * np.cos(turn) + 0.06 * f.slow(3, 2.0))
        inside = step(petal - r, -0.012, 0.012) * (1 - done)
        rim = r / petal
        vein = 0.5 + 0.5 * np.cos(3 * turn)
        tone += inside * (0.5 - 0.18 * layer + 0.32 * rim - 0.1 * vein + 0.04 * f.fine(0.4) - tone)
        light += inside * (0.35 + 0.75 * step(rim, 0.1, 0.9) - light)
        done += inside
    heart = step(0.1 - r, -0.02, 0.03)
    return Layers(
        tone + 0.07 * (1 - done) * f.fine(1.0) + heart * (0.95 - tone),
        light + heart * (1 - light),
        0.4 * heart * sigmoid(3 * f.fine(0.25)),
    )


def tunnel(f: Fields) -> Layers:
    x, y = f.u + 0.03 * f.slow(0, 1.6), f.v + 0.03 * f.slow(1, 1.6)
    r, theta = np.sqrt(x * x + y * y + 0.002), np.arctan2(y, x)
    depth = np.log(r)
    ring = np.sin(TAU * 0.8 * f.scale * depth - 0.4 * f.slow(2, 1.5))
    rib = np.cos(6 * theta + 0.35 * f.slow(3, 1.5))
    check = ring * rib
    edges = line(ring, 0.3) + 0.7 * line(rib, 0.3)
    return Layers(
        0.3 + 0.34 * sigmoid(5 * check) + 0.3 * edges,
        0.12 + 1.05 * step(r, 0.06, 0.75),
        0.4 * step(edges, 0.7, 1.5) + line(r, 0.06),
    )


def galaxy(f: Fields) -> Layers:
    x, y = f.u + 0.05 * f.slow(0, 2.0), 1.35 * f.v + 0.3 * f.u + 0.05 * f.slow(1, 2.0)
    r, theta = np.sqrt(x * x + y * y + 0.001), np.arctan2(y, x)
    arm = 0.5 + 0.5 * np.cos(2 * theta - 5.0 * np.log(r + 0.1) + 0.8 * f.slow(2, 2.0) + 0.5 * f.fine(0.7))
    dust = sigmoid(2.0 * f.fbm(0.7, 3))
    disc = np.exp(-1.15 * r * r)
    gas = disc * (0.2 + 0.95 * arm**1.6 * (0.45 + 0.75 * dust))
    core = line(r, 0.17)
    stars = f.sparkles(0.085, 1.4)
    return Layers(
        0.08 + 0.75 * gas + 0.55 * core,
        0.35 + 0.95 * gas + core,
        np.minimum(stars * (0.55 + gas), 1.2) + 0.7 * step(core, 0.5, 1.0),
    )


def flames(f: Fields) -> Layers:
    sway = 0.16 * f.slow(0, 2.0)
    tongue = f.fine(1.5, 0.5) + 0.6 * f.fine(0.7, 0.24) * f.style.detail + 0.5 * f.slow(1, 2.0)
    lick = np.abs(np.sin(3.2 * f.scale * (f.u + sway) + 1.2 * tongue))
    heat = 0.75 + 1.05 * f.v + 0.42 * tongue + 0.4 * (1 - lick) - 0.25
    core = step(heat, 0.0, 1.9)
    return Layers(
        0.04 + 0.96 * core,
        0.35 + 0.9 * step(heat, 0.0, 0.7),
        0.3 * step(heat, 1.6, 2.4) + np.minimum(0.5 * f.sparkles(0.07, 1.2), 0.8) * step(heat, 1.0, 0.0),
    )


def lava(f: Fields) -> Layers:
    n = f.fine(0.8) + 0.5 * f.slow(0, 1.6) + 0.22 * f.fine(0.3)
    m = f.slow(1, 0.9) + 0.3 * f.fine(0.35) * f.style.detail
    crack = np.maximum(line(n, 0.19), 0.85 * line(m, 0.15))
    glow = line(n, 0.55) * 0.5 + line(m, 0.45) * 0.35
    crust = relief(n + 0.6 * m, 0.8)
    heat = step(f.slow(2, 2.0), -0.3, 1.7)
    return Layers(
        0.12 + 0.08 * crust + 0.42 * glow + 0.5 * crack + 0.3 * heat,
        0.6 + 0.35 * crust + 0.9 * crack,
        0.4 * step(crack, 0.75, 1.0),
    )


def aurora(f: Fields) -> Layers:
    curtain_y = 0.25 + 0.3 * f.slow(0, 5.0, 2.2) + 0.12 * f.slow(1, 4.0, 1.0)
    height = curtain_y - f.v
    rays = sigmoid(1.8 * f.fine(3.0, 0.28) + 0.8 * f.slow(2, 3.0, 1.0))
    band = step(height, -0.04, 0.1) * np.exp(-np.maximum(height, 0) * 1.5)
    second_h = curtain_y - 0.45 + 0.2 * f.slow(3, 5.0, 1.6) - f.v
    second = step(second_h, -0.05, 0.14) * np.exp(-np.maximum(second_h, 0) * 2.2)
    glow = band * (0.35 + 0.9 * rays) + 0.6 * second * (0.3 + 0.7 * rays)
    ridge = 0.78 + 0.07 * f.slow(4, 6.0, 1.2) + 0.025 * f.slow(5, 6.0, 0.7) - f.v
    ground = step(ridge, 0.012, -0.012)
    stars = np.minimum(0.8 * f.sparkles(0.075, 1.2), 1.0)
    return Layers(
        0.1 + 0.6 * glow + 0.22 * np.clip(height, 0, 1) * band,
        (0.3 + 1.0 * glow) * (1 - 0.92 * ground),
        (stars * step(glow, 0.7, 0.1) + 0.25 * step(glow, 0.9, 1.5)) * (1 - ground),
    )


def lightning(f: Fields) -> Layers:
    path = 0.3 * f.slow(0, 2.6, 5.0) + 0.1 * f.slow(1, 1.0, 3.0) + 0.02 * f.fine(0.4, 1.5)
    bolt = f.u - path
    fork = f.u - path * 0.5 - 0.5 * np.maximum(f.v + 0.25, 0) * (0.8 + 0.4 * f.slow(2, 4.0)) - 0.05 * f.fine(0.4, 1.2)
    fork_on = step(f.v, -0.25, -0.1)
    other = f.u + 0.45 + 0.3 * f.slow(3, 2.4, 5.0) + 0.04 * f.fine(0.45, 1.3) + 0.3 * f.v
    core = np.maximum(np.maximum(line(bolt, 0.05), 0.75 * fork_on * line(fork, 0.035)), 0.6 * line(other, 0.03))
    glow = line(bolt, 0.22) + 0.5 * fork_on * line(fork, 0.15) + 0.4 * line(other, 0.13)
    cloud = sigmoid(1.6 * f.fbm(1.1, 3) - 0.9 * f.v)
    return Layers(
        0.08 + 0.3 * cloud * (0.4 + glow) + 0.34 * glow + 0.3 * core,
        0.45 + 0.5 * cloud + 0.7 * glow,
        1.1 * step(core, 0.25, 0.8),
    )


def circuit(f: Fields) -> Layers:
    inside = (np.arange(CELL, dtype=np.float32) + 0.5) / CELL - 0.5
    x, y = np.tile(inside, f.w)[None], np.tile(inside, f.h)[:, None]
    pulse, power = sigmoid(2.2 * f.slow(0, 0.75)), sigmoid(1.8 * f.slow(1, 1.6))
    wires = np.maximum(line(y, 0.055) * (0.25 + 0.75 * power), line(x, 0.055) * (1 - 0.75 * power))
    node = np.exp(-60 * (x * x + y * y)) * pulse
    return Layers(
        0.1 + 0.2 * power + 0.45 * wires * (0.4 + 0.6 * pulse) + 0.5 * node, 0.45 + 0.5 * wires + 0.6 * node, 0.8 * node
    )


def synthwave(f: Fields) -> Layers:
    horizon = 0.06 + 0.015 * f.slow(0, 3.0)
    down = f.v - horizon
    depth = np.maximum(down, 0.0) + 0.07
    hill = 0.05 * f.fine(6.0, 0.5) * step(np.abs(f.u), 0.25, 0.9) + 0.14 * step(np.abs(f.u), 0.2, 1.3)
    rows = np.sin(TAU * 0.45 * f.scale / depth + 1.0 * f.slow(1, 2.5))
    columns = np.sin(np.pi * 0.75 * f.scale * f.u / depth)
    fade = step(depth, 0.07, 0.3)
    grid = np.maximum(line(rows, 0.2), line(columns, 0.16)) * (0.25 + 0.75 * fade)
    floor = 0.1 + 0.62 * grid
    y = down + 0.4
    radius = 0.4 - np.sqrt(f.u * f.u + y * y)
    stripe = step(np.sin(TAU * 7 * y), -0.75 + 1.2 * step(y, -0.1, 0.35), 0.1 + 1.0 * step(y, -0.1, 0.35))
    disc = step(radius, -0.012, 0.012) * stripe
    sky = 0.16 + 0.3 * np.exp(-3 * np.abs(down)) + 0.05 * f.fine(0.5, 2.0) + 0.2 * np.exp(-3 * np.maximum(-radius, 0))
    sky = sky + (0.92 - 0.7 * np.clip(y + 0.4, 0, 0.8) - sky) * disc
    mountain = step(down + hill, -0.012, 0.012)
    sky = sky + (0.08 - sky) * mountain
    below = step(down, -0.008, 0.008)
    stars = np.minimum(0.7 * f.sparkles(0.07, 1.2), 0.9) * (1 - disc) * (1 - mountain) * (1 - below)
    return Layers(
        sky + (floor - sky) * below,
        0.8 + 0.5 * grid * below + 0.3 * disc * (1 - below),
        stars + 0.3 * step(grid, 0.8, 1.0) * below,
    )


def plasma(f: Fields) -> Layers:
    flow = 0.8 * f.slow(0, 1.3) + 0.7 * f.fine(0.9) + 0.4 * f.slow(1, 1.8)
    wave = np.sin(2.3 * flow)
    gloss = relief(flow, 2.0)
    return Layers(0.5 + 0.44 * wave + 0.05 * gloss, 0.85 + 0.25 * gloss, 0.5 * step(1.5 * gloss + 0.3 * wave, 0.5, 1.1))


def ink(f: Fields) -> Layers:
    n = f.fine(1.2) + 0.55 * f.fine(0.6) + 0.6 * f.slow(0, 2.2)
    curl = np.sin(2.2 * n + 1.4 * f.slow(1, 1.5))
    plume = step(n + 0.35 * curl + 0.5 - 0.5 * f.r, -0.4, 1.3)
    wisp = np.exp(-3.0 * np.abs(curl + 0.15 * f.fine(0.3) * f.style.detail)) * step(n, -1.0, 0.6)
    return Layers(
        0.95 - 0.55 * plume - 0.33 * wisp + 0.12 * relief(n, 1.2) * plume, 1.0 - 0.3 * plume * step(f.r, 1.2, 0.3)
    )


def bokeh(f: Fields) -> Layers:
    f1, f2, tone = f.nearest_seeds(0.9 / f.scale**2)
    size = 0.95 + 0.25 * f.slow(0, 1.5)
    disc = step(size - f1, -0.04, 0.04)
    rim = np.exp(-((size - f1 - 0.06) ** 2) * 180)
    strength = sigmoid(3.0 * tone - 0.3)
    glow = sigmoid(1.4 * f.slow(1, 2.0))
    return Layers(
        0.1 + 0.18 * glow + disc * strength * (0.5 + 0.25 * rim),
        0.5 + 0.4 * glow + 0.5 * disc * strength,
        0.35 * rim * disc * strength,
    )


def contours(f: Fields) -> Layers:
    n = f.fine(1.5) + 0.8 * f.slow(0, 2.2) + 0.15 * f.fine(0.7)
    wave = np.sin(TAU * 0.36 * f.scale * n)
    drawn = line(wave, 0.42)
    height = sigmoid(1.1 * n)
    return Layers(
        0.06 + 0.42 * height + 0.5 * drawn * (0.4 + 0.6 * height),
        0.5 + 0.6 * drawn + 0.2 * height,
        0.35 * step(drawn, 0.7, 1.0) * height,
    )


def mountains(f: Fields) -> Layers:
    sun_x = 0.06 * f.slow(0, 3.0)
    sun = np.sqrt((f.u - sun_x) ** 2 + (f.v + 0.38) ** 2)
    tone = 0.78 - 0.3 * step(-f.v, 0.0, 1.1) + 0.07 * f.fine(0.35, 2.0)
    tone, spark = tone + 0.3 * np.exp(-2.5 * sun), 0.95 * step(0.17 - sun, -0.012, 0.012)
    for layer, (base, rough) in enumerate(((-0.08, 0.2), (0.28, 0.17), (0.66, 0.12))):
        top = base + rough * f.slow(2 * layer + 1, 3.0, 1.6) + 0.25 * rough * f.slow(2 * layer + 2, 3.0, 0.8)
        inside = step(f.v - top, -0.012, 0.012)
        shade = 0.56 - 0.23 * layer + 0.1 * step(f.v - top, 0.0, 0.35) * (1 - layer * 0.3)
        tone, spark = tone + (shade - tone) * inside, spark * (1 - inside)
    return Layers(tone, 1.0, spark)


def planet(f: Fields) -> Layers:
    x, y = f.u + 0.03 * f.slow(0, 3.0), f.v + 0.03 * f.slow(1, 3.0)
    rr = x * x + y * y
    radius = 0.62 - np.sqrt(rr + 1e-4)
    height = np.sqrt(np.maximum(0.385 - rr, 0.0)) / 0.62
    bands = np.sin(5.5 * f.scale * (y + 0.3 * x) / (0.35 + 0.65 * height) + 0.9 * f.fine(0.7, 1.4) + 1.0 * f.slow(2))
    surface = 0.5 + 0.2 * bands + 0.16 * f.fbm(0.6, 2)
    sunlit = np.clip(-0.6 * x / 0.62 - 0.55 * y / 0.62 + 0.6 * height + 0.12, 0, 1.2)
    inside = step(radius, -0.012, 0.012)
    halo = line(np.maximum(-radius, 0), 0.1) * step(-x - y, -1.1, 0.9)
    stars = np.minimum(1.1 * f.sparkles(0.08, 1.4), 1.2) * (1 - inside)
    tone = 0.1 + 0.45 * halo
    return Layers(
        tone + (surface + 0.1 * sunlit - tone) * inside,
        0.5 + 0.5 * halo + (1.1 * sunlit + 0.04 - 0.5 - 0.5 * halo) * inside,
        stars,
    )


def hyperspace(f: Fields) -> Layers:
    x, y = f.u + 0.025 * f.slow(0, 2.0), f.v + 0.025 * f.slow(1, 2.0)
    r, theta = np.sqrt(x * x + y * y + 0.002), np.arctan2(y, x)
    beams = 0.5 + 0.3 * np.cos(6 * theta + 0.5 * f.slow(2, 1.6)) + 0.35 * np.cos(10 * theta - 0.6 * f.slow(3, 1.6))
    ray = np.clip(beams, 0, 1.1) ** 2 * (0.5 + 0.5 * sigmoid(2 * f.fine(0.9)))
    core = line(r, 0.16)
    return Layers(
        0.08 + 0.6 * ray * step(r, 0.03, 0.5) + 0.6 * core,
        0.3 + 1.0 * ray + core,
        0.35 * step(ray, 0.55, 1.0) + step(core, 0.35, 0.9),
    )


Family = Callable[[Fields], Layers]
Nouns = tuple[tuple[str, str], ...]

_FUNCTIONS: tuple[Family, ...] = (
    clouds,
    nebula,
    marble,
    caustics,
    cells,
    crystals,
    rings,
    ocean,
    silk,
    kaleidoscope,
    flower,
    tunnel,
    galaxy,
    flames,
    lava,
    aurora,
    lightning,
    circuit,
    synthwave,
    plasma,
    ink,
    bokeh,
    contours,
    mountains,
    planet,
    hyperspace,
    *places.FAMILIES,
    *patterns.FAMILIES,
)


def _named(family: str) -> Nouns:
    """((noun, palette), ...) of a family."""
    return tuple((noun.strip(), palette) for palette, nouns in NOUNS[family].items() for noun in nouns.split(","))


FAMILIES: dict[str, tuple[Family, Nouns]] = {f.__name__: (f, _named(f.__name__)) for f in _FUNCTIONS}

"""The nouns that name each family, in groups that share the palette they get when a caption gives no colour.

In each group the first noun is the usual one; the very first names the family.
"""

NOUNS: dict[str, dict[str, str]] = {
    "clouds": {
        "blue": "clouds, sky, cloudscape",
        "white": "fog, mist, steam",
        "deep blue": "storm clouds",
        "pink": "cotton candy",
    },
    "nebula": {
        "purple": "nebula, cosmic dust, deep space, cosmos",
        "indigo": "space, stardust, star clouds",
        "deep blue": "night sky, starry sky",
    },
    "marble": {
        "white": "marble, stone",
        "emerald": "agate, malachite",
        "brown": "wood grain, wood",
        "gold": "veins",
        "silver": "rock",
    },
    "caustics": {
        "teal": "caustics, pool, underwater, swimming pool",
        "cyan": "water light, light in water",
        "blue": "water reflections, lagoon",
    },
    "cells": {
        "green": "cells, organic cells, microscope",
        "teal": "bubbles, foam",
        "pink": "skin, membrane",
        "red": "blood cells",
        "forest": "moss",
    },
    "crystals": {
        "violet": "crystals, gem, gemstone",
        "ice": "diamond, glass shards, ice crystals, shards",
        "cyan": "facets, stained glass",
        "silver": "broken glass",
    },
    "rings": {
        "blue": "ripples, water drop",
        "magenta": "rings, circles, concentric circles",
        "white": "sound waves, vinyl",
        "cyan": "sonar, radar, echo",
    },
    "ocean": {
        "deep blue": "ocean, sea, deep ocean",
        "blue": "water, waves, ocean waves, seascape",
        "teal": "tide, lake, shore",
        "sunset": "horizon, beach",
    },
    "silk": {
        "red": "silk, satin, curtain",
        "pink": "fabric, cloth, ribbons",
        "orange": "dunes, desert, sand",
        "violet": "flowing waves, smooth waves, folds",
    },
    "kaleidoscope": {
        "rainbow": "kaleidoscope, mirrors, symmetry",
        "violet": "mandala, sacred geometry",
        "neon": "fractal, ornament, psychedelic pattern",
    },
    "flower": {
        "pink": "flower, blossom, petals, lotus",
        "magenta": "orchid, bloom",
        "red": "rose flower, poppy",
        "yellow": "sunflower",
        "violet": "iris",
    },
    "tunnel": {
        "neon": "tunnel, vortex, wormhole",
        "blue": "portal, corridor, pipe",
        "purple": "black hole, spiral tunnel",
        "green": "rabbit hole",
    },
    "galaxy": {
        "indigo": "galaxy, spiral galaxy, milky way",
        "purple": "galaxies, spiral, universe",
        "blue": "star system, stars",
        "gold": "swirl of stars",
    },
    "flames": {
        "fire": "flames, fire, burning fire, inferno, bonfire, blaze",
        "orange": "torch, campfire",
        "red": "hell, hellfire",
    },
    "lava": {
        "fire": "lava, magma, volcano, molten rock, eruption",
        "red": "cracks, lava flow",
        "orange": "embers, molten metal",
    },
    "aurora": {
        "aurora": "aurora, northern lights, polar lights, aurora borealis",
        "emerald": "light curtains, arctic sky",
        "green": "sky lights",
    },
    "lightning": {
        "violet": "lightning, thunder, thunderstorm, storm",
        "cyan": "electricity, electric arc, lightning bolt",
        "blue": "tesla coil, sparks",
    },
    "circuit": {
        "green": "circuit, circuit board, matrix, computer",
        "cyan": "grid, network, technology, data",
        "magenta": "lattice, mesh",
    },
    "synthwave": {
        "neon": "synthwave, retrowave, neon grid, outrun, neon city",
        "sunset": "retro sun, eighties",
        "magenta": "arcade, video game",
    },
    "plasma": {
        "rainbow": "plasma, liquid, abstract, paint",
        "neon": "lava lamp, oil, gel",
        "silver": "mercury, liquid metal, chrome liquid",
        "pink": "abstract shapes",
    },
    "ink": {
        "black": "ink, ink in water, smoke",
        "silver": "smoke on white, ink drops",
        "blue": "watercolour, watercolor",
        "purple": "dye, perfume",
    },
    "bokeh": {
        "gold": "bokeh, bokeh lights, party lights, lanterns",
        "orange": "city lights, candles",
        "rainbow": "disco, confetti, disco lights",
        "pink": "orbs",
    },
    "contours": {
        "green": "contours, contour lines, topographic map, map",
        "cyan": "isolines, wireframe, hologram",
        "white": "lines, line art, zebra",
    },
    "mountains": {
        "sunset": "mountains, hills, valley, landscape",
        "forest": "forest, woods, jungle",
        "ice": "snow mountains, alps, glacier, winter",
    },
    "planet": {
        "orange": "planet, mars, jupiter",
        "silver": "moon, full moon",
        "blue": "earth planet, globe, sphere",
        "gold": "saturn, orb",
    },
    "hyperspace": {
        "blue": "hyperspace, warp speed, light speed, starburst",
        "gold": "sun, sun rays, light rays, god rays",
        "white": "explosion, supernova",
        "fire": "big bang",
    },
}

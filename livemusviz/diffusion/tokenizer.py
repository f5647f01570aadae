"""Prompts to token ids, by the `tokenizers` library or transformers' own class for CLIP. Engine thread; numpy out."""

import os
import string
import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from livemusviz.diffusion.weights import read_json_object
from livemusviz.errors import UserError, one_line

MAX_PROMPT = 1000
"""Characters of a prompt that are read; the rest is dropped before anything looks at it."""

START, END = "<|startoftext|>", "<|endoftext|>"
MOST_WORDS = 100  # that are looked up
PUNCTUATION = string.punctuation + "\u2019\u201c\u201d\u201e\u2026\u2013\u2014"
MAX_VOCABULARY = 16 << 20
"""Bytes of a vocab.json; CLIP's has one."""


def clean_prompt(text: str) -> str:
    """Return at most `MAX_PROMPT` characters, NFC, without control characters or white space at the ends."""
    text = unicodedata.normalize("NFC", text[:MAX_PROMPT])[:MAX_PROMPT]
    return "".join(" " if c in "\t\r\n" else c for c in text if c in "\t\r\n" or _printable(c)).strip()


class PromptTokenizer:
    """Token ids of fixed length from a diffusers `tokenizer/` folder: tokenizer.json, or vocab.json and merges.txt.

    max_length : what the text encoder holds; the folder's own `model_max_length` wins where it is smaller.
    """

    def __init__(self, folder: Path, max_length: int) -> None:
        config = (
            read_json_object(folder / "tokenizer_config.json") if (folder / "tokenizer_config.json").is_file() else {}
        )
        limit = config.get("model_max_length")
        self.max_length = int(min(max_length, limit)) if isinstance(limit, int | float) and limit >= 2 else max_length
        pad = _pad_token(folder, config)
        self._tokenizer, self._pad = _load(folder, pad), pad
        unknown = getattr(self._tokenizer.model, "unk_token", None)
        self._unknown = unknown if unknown != END else None
        pad_id = self._tokenizer.token_to_id(pad)
        if pad_id is None:
            raise UserError(f"{folder}: the pad token {pad!r} is not in the vocabulary")
        self._tokenizer.enable_truncation(self.max_length)
        self._tokenizer.enable_padding(length=self.max_length, pad_id=pad_id, pad_token=pad)
        self.highest_id = max(*self._tokenizer.get_vocab().values(), *_tried(self._tokenizer, folder))
        """The highest id that a prompt can have."""

    def unknown_words(self, text: str) -> list[str]:
        """Return the words that mean nothing to the model: without a token, or with the token that stands for all
        others; of the first hundred. A vocabulary that spells out what it does not know, as CLIP's, has none."""
        if self._unknown is None:
            return []
        words = dict.fromkeys(clean_prompt(word).strip(PUNCTUATION) for word in text.split())
        return [word for word in list(words)[:MOST_WORDS] if word and not self._knows(word)]

    def _knows(self, word: str) -> bool:
        tokens = self._tokenizer.encode(word, add_special_tokens=False).tokens
        pieces = [token for token in tokens if token != self._pad]
        return bool(pieces) and self._unknown not in pieces

    def __call__(self, text: str) -> np.ndarray:
        """int32 (1, max_length): start, the tokens of the cleaned prompt, end, padding."""
        return np.array([self._tokenizer.encode(clean_prompt(text)).ids], dtype=np.int32)


def _tried(tokenizer: Tokenizer, folder: Path) -> list[int]:
    """Return the ids of a prompt, those that are put round it among them."""
    try:
        return list(tokenizer.encode("a").ids)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # a panic in tokenizers is no Exception
        raise _unusable(folder, error) from None


def _unusable(folder: Path, error: BaseException) -> UserError:
    return UserError(f"{folder}: not a usable tokenizer ({one_line(error)})")


def _printable(c: str) -> bool:
    return unicodedata.category(c) not in ("Cc", "Cs", "Cn")


def _load(folder: Path, pad: str) -> Tokenizer:
    try:
        if (folder / "tokenizer.json").is_file():
            return Tokenizer.from_file(str(folder / "tokenizer.json"))
        if (folder / "vocab.json").is_file() and (folder / "merges.txt").is_file():
            return _clip_bpe(folder, pad)
    except UserError:
        raise
    except Exception as error:  # tokenizers raises nothing narrower
        raise _unusable(folder, error) from None
    raise UserError(f"{folder}: neither tokenizer.json nor vocab.json with merges.txt in it")


def _clip_bpe(folder: Path, pad: str) -> Tokenizer:
    """Return what transformers' own tokenizer for CLIP makes of its two original files.

    transformers is imported here alone, and by the module of that one class: no torch comes with it. The pad token is
    special in prompts too: where it is "!", that is what an exclamation mark becomes.
    """
    os.environ.setdefault("TRANSFORMERS_NO_ADVISORY_WARNINGS", "1")  # that there is no torch
    from transformers.models.clip.tokenization_clip import CLIPTokenizer

    vocabulary = read_json_object(folder / "vocab.json", most=MAX_VOCABULARY)
    if START not in vocabulary or END not in vocabulary:
        raise UserError(f"{folder / 'vocab.json'}: {START} or {END} is missing, so it is not CLIP's vocabulary")
    read: Any = CLIPTokenizer.from_pretrained(str(folder), pad_token=pad, local_files_only=True)
    return read.backend_tokenizer


def _pad_token(folder: Path, config: dict[str, Any]) -> str:
    """Return the pad token that the folder names (SD 2 and SD-Turbo pad with "!"), else the end token."""
    specials = folder / "special_tokens_map.json"
    for source in (config, read_json_object(specials) if specials.is_file() else {}):
        token = source.get("pad_token")
        if isinstance(token, dict):
            token = token.get("content")
        if isinstance(token, str):
            return token
    return END

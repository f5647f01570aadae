"""Writes the tokenizers of the Stable Diffusion families, from the vocabulary of CLIP that is in the package."""

from __future__ import annotations

import gzip
import json
from functools import cache
from pathlib import Path

START, END = "<|startoftext|>", "<|endoftext|>"
LENGTH = 77  # tokens of a prompt


@cache
def clip_merges() -> str:
    """Return CLIP's pairs to merge, a line each, as `merges.txt` holds them."""
    packed = Path(__file__).with_name("clip_merges.txt.gz").read_bytes()
    return gzip.decompress(packed).decode("utf-8")


@cache
def clip_vocabulary() -> dict[str, int]:
    """Return CLIP's tokens and their ids (Radford et al. 2021): bytes, bytes that end a word, merged pairs, marks."""
    letters = _byte_letters()
    merged = ["".join(line.split()) for line in clip_merges().splitlines()[1:]]
    tokens = [*letters, *(letter + "</w>" for letter in letters), *merged, START, END]
    return {token: number for number, token in enumerate(tokens)}


def write_tokenizer(folder: Path, pad: str) -> None:
    """Write a `tokenizer/` folder as transformers has it. pad : the token that fills a prompt up."""
    folder.mkdir(parents=True)
    (folder / "vocab.json").write_text(json.dumps(clip_vocabulary(), ensure_ascii=False), encoding="utf-8")
    (folder / "merges.txt").write_text(clip_merges(), encoding="utf-8")
    special = {"bos_token": START, "eos_token": END, "unk_token": END, "pad_token": pad}
    config = {"tokenizer_class": "CLIPTokenizer", "model_max_length": LENGTH, "do_lower_case": True, **special}
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2), encoding="utf-8")
    (folder / "special_tokens_map.json").write_text(json.dumps(special, indent=2), encoding="utf-8")


def _byte_letters() -> list[str]:
    """Return a printable letter for each byte: itself where it is printable, then from U+0100 on for the others."""
    printable = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAC + 1), *range(0xAE, 0xFF + 1)]
    others = [byte for byte in range(256) if byte not in printable]
    return [chr(byte) for byte in printable] + [chr(0x100 + n) for n in range(len(others))]

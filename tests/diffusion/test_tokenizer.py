"""Prompts: cleaned, cut and padded to one length, whatever is typed."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livemusviz.diffusion.tokenizer import MAX_PROMPT, PromptTokenizer, clean_prompt
from tests.diffusion.model_folders import save_tokenizer

START, END = 256, 257


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> PromptTokenizer:
    folder = tmp_path_factory.mktemp("tokenizer")
    save_tokenizer(folder, max_length=12)
    return PromptTokenizer(folder, 32)


def test_padded_with_the_end_token(tokenizer: PromptTokenizer) -> None:
    ids = tokenizer("ab")
    assert ids.shape == (1, 12) and ids.dtype == np.int32
    assert ids[0, 0] == START
    assert (ids[0, 3:] == END).all() and END not in ids[0, :3]


def test_truncated_but_still_ended(tokenizer: PromptTokenizer) -> None:
    ids = tokenizer("abcdefghijklmnopq")
    assert ids.shape == (1, 12)
    assert ids[0, -1] == END and END not in ids[0, :-1]
    np.testing.assert_array_equal(ids, tokenizer("ABCDEFGHIJ and something else"))


def test_the_smaller_limit_wins(tmp_path: Path) -> None:
    save_tokenizer(tmp_path, max_length=1000)
    assert PromptTokenizer(tmp_path, 7)("x").shape == (1, 7)


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("  red \n lava\t", "red   lava"),
        ("a\x00b\x1b[31mc\x7f", "ab[31mc"),
        ("e\u0301", "é"),
        ("\ud800x", "x"),
        ("x" * 5000, "x" * MAX_PROMPT),
        ("", ""),
    ],
)
def test_clean_prompt(text: str, clean: str) -> None:
    assert clean_prompt(text) == clean


@given(st.text(max_size=300))
def test_any_text_gives_one_shape(text: str) -> None:
    clean = clean_prompt(text)
    assert len(clean) <= MAX_PROMPT
    assert not any(ord(c) < 32 or 127 <= ord(c) < 160 for c in clean)


def test_ten_megabytes_are_quick(tokenizer: PromptTokenizer) -> None:
    assert tokenizer("lava " * 2_000_000).shape == (1, 12)

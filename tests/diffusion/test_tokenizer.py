"""Prompts: cleaned, cut and padded to one length, whatever is typed."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livemusviz.diffusion.tokenizer import MAX_PROMPT, PromptTokenizer, clean_prompt
from livemusviz.diffusion.vocabulary import END as CLIP_END
from livemusviz.diffusion.vocabulary import write_tokenizer
from livemusviz.errors import UserError
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


@pytest.fixture(scope="module")
def clip_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clip") / "tokenizer"
    write_tokenizer(folder, "!")
    return folder


def test_a_folder_of_vocabulary_and_merges_is_read_by_transformers(clip_folder: Path) -> None:
    """Ids as CLIP's own tokenizer gives them; "!" is Stable Diffusion 2's padding, in a prompt too."""
    ids = list(PromptTokenizer(clip_folder, 77)("A photo of a cat! isn't  naïve")[0])
    assert ids[:13] == [49406, 320, 1125, 539, 320, 2368, 0, 2923, 713, 1097, 35689, 563, 49407] and set(ids[13:]) == {
        0
    }


def test_an_older_folder_names_its_padding_in_a_file_of_its_own(clip_folder: Path, tmp_path: Path) -> None:
    for name in ("vocab.json", "merges.txt", "special_tokens_map.json"):
        (tmp_path / name).write_bytes((clip_folder / name).read_bytes())
    np.testing.assert_array_equal(PromptTokenizer(tmp_path, 77)("cat!"), PromptTokenizer(clip_folder, 77)("cat!"))


@pytest.mark.parametrize(
    ("vocabulary", "merges", "told"),
    [
        ("{}", "#version: 0.2\n", "so it is not CLIP's vocabulary"),
        ('{"<|startoftext|>": 0, "<|endoftext|>": 1}', "#version: 0.2\na b c\n", "not a usable tokenizer"),
        ("[", "", "not readable as JSON"),
    ],
)
def test_a_broken_vocabulary_is_refused_in_a_line(tmp_path: Path, vocabulary: str, merges: str, told: str) -> None:
    (tmp_path / "vocab.json").write_text(vocabulary)
    (tmp_path / "merges.txt").write_text(merges)
    with pytest.raises(UserError, match=told) as error:
        PromptTokenizer(tmp_path, 77)
    assert "\n" not in str(error.value)


def test_transformers_comes_without_torch_and_only_for_such_folders(clip_folder: Path, tmp_path: Path) -> None:
    save_tokenizer(tmp_path)
    code = (
        "import sys; from pathlib import Path; from livemusviz.diffusion.tokenizer import PromptTokenizer\n"
        "for folder in sys.argv[1:]:\n"
        "    PromptTokenizer(Path(folder), 77)\n"
        "    print('transformers' in sys.modules, 'torch' in sys.modules)"
    )
    run = [sys.executable, "-c", code, str(tmp_path), str(clip_folder)]
    told = subprocess.run(run, capture_output=True, text=True, check=True)
    assert told.stdout.split() == ["False", "False", "True", "False"] and not told.stderr


def test_the_pad_token_of_the_first_family_is_its_end(tmp_path: Path) -> None:
    write_tokenizer(tmp_path / "tokenizer", CLIP_END)
    assert list(PromptTokenizer(tmp_path / "tokenizer", 77)("cat!")[0][:5]) == [49406, 2368, 256, 49407, 49407]

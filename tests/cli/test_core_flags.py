"""The flags of the budget of cores."""

import argparse

import pytest

from livemusviz.budget import Wishes
from livemusviz.cli.core_flags import add_core_flags, core_wishes
from livemusviz.errors import UserError


def parse(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_core_flags(parser)
    return parser.parse_args(words)


def test_without_flags_nothing_is_wished() -> None:
    assert core_wishes(parse(), {}) == Wishes()


def test_every_part_can_be_set() -> None:
    words = "--fps 50 --blas-threads 2 --encoder-threads 3 --encoder-preset fast --first-rung 1 --engine-niceness 0"
    assert core_wishes(parse(*words.split()), {}) == Wishes(50.0, 2, 3, "fast", 1, 0)


@pytest.mark.parametrize(("text", "threads"), [("2", 2), ("", None), ("0", None), ("-1", None), ("many", None)])
def test_the_variable_that_openblas_reads_counts_too(text: str, threads: int | None) -> None:
    variables = {"OPENBLAS_NUM_THREADS": text}
    assert core_wishes(parse(), variables).blas_threads == threads
    assert core_wishes(parse("--blas-threads", "4"), variables).blas_threads == 4


@pytest.mark.parametrize("flag", ["--fps", "--blas-threads", "--encoder-threads"])
def test_nothing_is_too_little(flag: str) -> None:
    with pytest.raises(UserError, match=f"{flag} 0: give 1 to"):
        core_wishes(parse(flag, "0"), {})

"""The tokenizer: whole words, known endings; every string goes in, 32 ids come out."""

import pytest

from training.tokens import END, START, UNKNOWN, build, encode

PIECES = ["deep", "blue", "ocean", "volcano", "cafe", "##s", "##es", "##fish"]


@pytest.fixture
def tokenizer():  # type: ignore[no-untyped-def]
    return build(PIECES)


def test_every_text_becomes_32_ids(tokenizer) -> None:  # type: ignore[no-untyped-def]
    assert tokenizer.get_vocab_size() == len(PIECES) + 3
    start, end = tokenizer.token_to_id(START), tokenizer.token_to_id(END)
    for text in ("", "Deep Blue OCEAN", "naïve 日本語 \N{PILE OF POO}", "blue " * 200, "<|x|>\t\n"):
        ids = encode(tokenizer, text)
        assert len(ids) == 32 and ids[0] == start and ids[-1] == end
    assert encode(tokenizer, "  deep,   BLUE ocean! ") == encode(tokenizer, "deep blue ocean")


def test_words_endings_accents_and_strangers(tokenizer) -> None:  # type: ignore[no-untyped-def]
    def tokens(text: str) -> list[str]:
        return tokenizer.encode(text).tokens[1:-1]  # type: ignore[no-any-return]

    assert tokens("Volcanoes oceans") == ["volcano", "##es", "ocean", "##s"]
    assert tokens("a bluefish Café") == [UNKNOWN, "blue", "##fish", "cafe"]
    assert tokens("xqzt") == [UNKNOWN]

"""The tokenizer: CLIP's manner, every string goes in, 32 ids come out."""

from training.captions import corpus
from training.tokens import END, START, encode, train


def test_every_text_becomes_32_ids() -> None:
    tokenizer = train(corpus(0, 300), 900)
    assert tokenizer.get_vocab_size() <= 900
    start, end = tokenizer.token_to_id(START), tokenizer.token_to_id(END)
    for text in ("", "Deep Blue OCEAN", "naïve 日本語 \N{PILE OF POO}", "blue " * 200, "<|x|>\t\n"):
        ids = encode(tokenizer, text)
        assert len(ids) == 32 and ids[0] == start and ids[-1] == end
    assert encode(tokenizer, "  deep   BLUE ocean ") == encode(tokenizer, "deep blue ocean")
    assert end not in encode(tokenizer, "zq日")[1:4]

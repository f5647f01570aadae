"""Makes damaged inputs out of good ones, the same for the same seed."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from livemusviz.errors import UserError

FEW, MANY = 250, 2000
SOON = 2.0  # s

HOSTILE = (
    b"1e999", b"-Infinity", b"NaN", b"-nan", b"inf", b"9" * 400, b"-" + b"9" * 400, b"9" * 5000, b"0x" + b"f" * 6000,
    b"1e308", b"-1e-320", b"0", b"-1", b"2147483648", b"18446744073709551616", b"1e6", b"0.5", b"true", b"null", b"''",
    b'""', b"[]", b"{}", b"[" * 60, b"]" * 60, b"{" * 60, b'"\\ud800 x"', b"\xed\xa0\x80", b"\xef\xbb\xbf", b"\xff\xfe",
    b"\x00", b"\x1b[2J", b"'", b'"', b'"""', b"\n", b"\r", b"=", b":", b".", b",", b"#", b"/*", b"*/", b"a." * 300,
    b"[[a]]\n", b"1/0", b"$WIDTH/0", b"\\u0000", b"x" * 5000, b"../../x", b"1979-13-45", b"99:99:99",
)  # fmt: skip
"""Values that have broken a parser somewhere, to be put in the place of something harmless."""
NUMBER = re.compile(rb"-?\d+(?:\.\d+)?(?:e[-+]?\d+)?")
VALUE = re.compile(rb"(?<=[=:])\s*[^\n,}\]]+")


def mutations(seeds: Sequence[bytes], count: int, salt: int = 0) -> Iterator[bytes]:
    """`count` inputs, each one of `seeds` damaged in one to four places."""
    rng = random.Random(salt)
    for _ in range(count):
        data = rng.choice(seeds)
        for _ in range(rng.choice((1, 1, 1, 2, 3, 4))):
            data = rng.choice(CHANGES)(data, rng)
        yield data


def _place(data: bytes, rng: random.Random) -> tuple[int, int]:
    begin = rng.randrange(len(data) + 1)
    return begin, min(len(data), begin + rng.choice((1, 1, 2, 4, 16, 64)))


def _replaced(pattern: re.Pattern[bytes], data: bytes, rng: random.Random) -> bytes:
    found = list(pattern.finditer(data))
    if not found:
        return _inserted(data, rng)
    match = rng.choice(found)
    return data[: match.start()] + rng.choice(HOSTILE) + data[match.end() :]


def _inserted(data: bytes, rng: random.Random) -> bytes:
    begin, _ = _place(data, rng)
    return data[:begin] + rng.choice(HOSTILE) + data[begin:]


def _flipped(data: bytes, rng: random.Random) -> bytes:
    if not data:
        return data
    changed = bytearray(data)
    for _ in range(rng.choice((1, 2, 8))):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _cut(data: bytes, rng: random.Random) -> bytes:
    begin, end = _place(data, rng)
    return data[:begin] + data[end:]


def _doubled(data: bytes, rng: random.Random) -> bytes:
    begin, end = _place(data, rng)
    return data[:end] + data[begin:end] * rng.choice((1, 2, 50)) + data[end:]


def _swapped(data: bytes, rng: random.Random) -> bytes:
    lines = data.split(b"\n")
    a, b = rng.randrange(len(lines)), rng.randrange(len(lines))
    lines[a], lines[b] = lines[b], lines[a]
    return b"\n".join(lines)


CHANGES = (
    lambda data, rng: _replaced(NUMBER, data, rng),
    lambda data, rng: _replaced(VALUE, data, rng),
    _inserted,
    _flipped,
    _cut,
    _doubled,
    _swapped,
    lambda data, rng: data[: rng.randrange(len(data) + 1)],
)


@dataclass(frozen=True)
class Case:
    """seeds : good inputs.  read : reads one that lies in a file, as the program does."""

    seeds: Sequence[bytes]
    read: Callable[[Path], object]
    suffix: str


def check(case: Case, folder: Path, count: int) -> None:
    """Read `count` damaged inputs. What is neither accepted nor one printable line fails, as does what takes long."""
    path = folder / f"damaged{case.suffix}"
    slowest, accepted = 0.0, 0
    for number, data in enumerate(mutations(case.seeds, count)):
        path.write_bytes(data)
        began = time.process_time()  # of a busy machine nothing is asserted
        try:
            case.read(path)
            accepted += 1
        except UserError as error:
            told = str(error)
            assert told and told.isprintable() and len(told) < 700, f"mutation {number}: {told!r}"
        except Exception as error:
            raise AssertionError(f"mutation {number}: {type(error).__name__}: {error}\n{data[:600]!r}") from error
        slowest = max(slowest, time.process_time() - began)
    assert slowest < SOON
    assert 0 < accepted < count

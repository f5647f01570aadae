"""The errors a user is meant to read. Any thread may raise them; only the stdlib is needed."""

import re
import struct
from collections.abc import Iterable

NAMES = 24  # of a list in a message
DAMAGED = (
    OSError,
    ValueError,
    SyntaxError,
    RuntimeError,
    EOFError,
    TypeError,
    LookupError,
    ArithmeticError,
    AttributeError,
    MemoryError,
    struct.error,
)
"""Errors that other libraries' readers raise for files that are not what they say."""
_LONG_WORD = re.compile(r"\S{320,}")


class UserError(Exception):
    """Bad input, in one line: what, where, which limit, what to do. The command line prints it and exits with 2.

    Quoted names and file contents are made safe for a terminal and a log: control characters and lone surrogates are
    escaped, long words cut.
    """

    def __init__(self, message: str) -> None:
        super().__init__(_LONG_WORD.sub(lambda word: f"{word[0][:120]}...{word[0][-60:]}", printable(message)))


def printable(text: str) -> str:
    """Return `text` on one line, with everything that is no printable character written out, as \\x1b."""
    return text if text.isprintable() else "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def one_line(error: object, limit: int = 200) -> str:
    """Return another library's message, shortened to one line."""
    return " ".join(str(error).split())[:limit]


def suggest(name: str, known: Iterable[str]) -> str:
    """Return "did you mean ...?" for a misspelt name, or the list of names there are."""
    import difflib

    names = sorted(known)
    near = difflib.get_close_matches(name[:64], names, n=1)
    if near:
        return f"did you mean '{near[0]}'?"
    more = f" and {len(names) - NAMES} more" if len(names) > NAMES else ""
    return f"there are: {', '.join(names[:NAMES]) or 'none'}{more}"

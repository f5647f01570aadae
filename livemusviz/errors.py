"""The errors a user is meant to read. Any thread may raise them; only the stdlib is needed."""

from collections.abc import Iterable


class UserError(Exception):
    """Bad input, told in one line: what, where, which limit, what to do. The command line prints it and exits 2."""


def one_line(error: object, limit: int = 200) -> str:
    """What another library says, fit for a message of one line."""
    return " ".join(str(error).split())[:limit]


def suggest(name: str, known: Iterable[str]) -> str:
    """ "did you mean ...?" for a misspelt name, or the list of names there are."""
    import difflib

    names = sorted(known)
    near = difflib.get_close_matches(name[:64], names, n=1)
    return f"did you mean '{near[0]}'?" if near else f"there are: {', '.join(names) or 'none'}"

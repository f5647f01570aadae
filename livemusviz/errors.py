"""The errors a user is meant to read. Any thread may raise them; only the stdlib is needed."""


class UserError(Exception):
    """Bad input, told in one line: what, where, which limit, what to do. The command line prints it and exits 2."""


def one_line(error: object, limit: int = 200) -> str:
    """What another library says, fit for a message of one line."""
    return " ".join(str(error).split())[:limit]

"""The errors a user is meant to read. Any thread may raise them; only the stdlib is needed."""


class UserError(Exception):
    """Bad input, told in one line: what, where, which limit, what to do. The command line prints it and exits 2."""

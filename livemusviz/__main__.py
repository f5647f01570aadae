"""`python -m livemusviz` is the same as the `livemusviz` command."""

from livemusviz.cli import entry

if __name__ == "__main__":
    raise SystemExit(entry())

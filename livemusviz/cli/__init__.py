"""The command line. A subcommand's module is imported only when it is asked for."""

from __future__ import annotations


def main() -> int:
    return 0

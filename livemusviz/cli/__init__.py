"""The command line. A subcommand's module is imported only when it is asked for; each has `add_arguments` and `run`."""

from __future__ import annotations

import argparse
import errno
import importlib
import io
import logging
import os
import sys
from collections.abc import Callable

from livemusviz import __version__
from livemusviz.ending import end_process
from livemusviz.errors import UserError, suggest

COMMANDS = {
    "live": "the show: sound in, light out (this is what plain `livemusviz` does)",
    "render": "a film from a track: exact, repeatable, resumable",
    "analyse": "what is heard in a track, as a picture or as JSON",
    "generate": "one still picture from a prompt",
    "models": "models on this machine: list, fetch, convert",
    "devices": "audio inputs, cameras, screens and senders by name",
    "presets": "presets by name",
    "shaders": "ISF shaders by name; check a folder of them",
    "osc": "the OSC addresses and what they take",
    "bench": "milliseconds stage by stage, torch beside ours where it is installed",
    "doctor": "what this machine has and what is missing",
    "completion": "a script that completes flags and files in your shell",
}

FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


def entry() -> int:
    """Run the command line as a program of its own; returns the exit status, or ends the process with it."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # names of files, and terminals that show few letters
    try:
        status = main()
    finally:
        error = sys.exc_info()[1]
        if isinstance(error, Exception):
            end_process(1, error)
    return end_process(status)


def main(argv: list[str] | None = None) -> int:
    """Run one subcommand; returns the exit status."""
    words = list(sys.argv[1:] if argv is None else argv)
    if words and words[0] in ("-h", "--help"):
        print(_overview())
        return 0
    if words and words[0] == "--version":
        print(f"livemusviz {__version__}")
        return 0
    name = words.pop(0) if words and not words[0].startswith("-") and not _is_gig(words[0]) else "live"
    if name not in COMMANDS:
        print(f"livemusviz: no command '{name[:32]}'; {suggest(name, COMMANDS)}", file=sys.stderr)
        return 2
    from livemusviz.cli.parser import Parser

    module = importlib.import_module(f"livemusviz.cli.{name}")
    parser = Parser(prog=f"livemusviz {name}", description=COMMANDS[name])
    module.add_arguments(parser)
    parser.add_argument("-v", "--verbose", action="store_true", help="log more")
    try:
        if name == "live":
            words = module.with_gig(words, parser)
        options = parser.parse_args(words)
        if name == "live":
            module.save_flags(options, parser)
    except (UserError, OSError) as error:
        return _complain(error)
    return guarded(module.run, options)


def _is_gig(word: str) -> bool:
    from livemusviz.cli.gig import is_gig

    return word not in COMMANDS and is_gig(word)


def guarded(run: Callable[[argparse.Namespace], int], options: argparse.Namespace) -> int:
    """Run a subcommand with its log and return the exit status: 2 after a UserError, or an error of the system about a
    file, which is printed as one line."""
    logging.basicConfig(
        level=logging.DEBUG if options.verbose else logging.INFO, format="%(levelname)s %(name)s: %(message)s"
    )
    try:
        status = int(run(options))
        if sys.stdout is not None:
            sys.stdout.flush()  # a full disk is told here, not when Python ends
        return status
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        sys.stderr.close()  # whoever read our output has gone
        return 0
    except (UserError, OSError) as error:
        return _complain(error)


def _complain(error: UserError | OSError) -> int:
    """Print what is wrong in one line and return the exit status. Raises an OSError that names no file: it is ours,
    unless a disk is full."""
    if isinstance(error, OSError):
        if error.filename is None and error.errno not in FULL:
            raise error
        logging.debug("the file below", exc_info=error)
        where = "standard output" if error.filename is None else os.fsdecode(error.filename)
        error = UserError(f"{where}: {error.strerror}")
    print(f"livemusviz: {error}", file=sys.stderr)
    return 2


def _overview() -> str:
    rows = "\n".join(f"  {name:<12}{text}" for name, text in COMMANDS.items())
    end = "`livemusviz COMMAND --help` tells the options, --version the version."
    return f"usage: livemusviz [COMMAND] [OPTION ...]\n\n{rows}\n\n{end}"

"""Asks the audio process for other inputs, and takes its answers. Used on the show's main thread; never waits."""

from __future__ import annotations

from contextlib import suppress

from livemusviz.audio.spec import Inputs
from livemusviz.bridge.spawned import MessagePipe


class InputRequests:
    """Keeps the request that is not answered yet, and asks it again of a process that starts.

    first : the input that the show began with.
    inputs : by name, with their channels, as the process last listed them.
    """

    def __init__(self, first: str) -> None:
        self.first = first
        self.inputs: tuple[tuple[str, int], ...] = ()
        self._asked = 0  # requests so far
        self._wanted: tuple[int, str] | None = None  # number and input of the one that is not answered yet
        self._refused = ""
        self._pipe: MessagePipe | None = None

    def want(self, text: str) -> None:
        """Ask for an input; an older request is forgotten."""
        self._asked += 1
        self._wanted = self._asked, text
        self._ask()

    def take_refusal(self) -> str:
        """Return why the last request could not be met, once; "" if there is no refusal."""
        refused, self._refused = self._refused, ""
        return refused

    def connect(self, pipe: MessagePipe) -> None:
        """Use the pipe of a new process, and repeat the request that is not answered yet."""
        self.close()
        self._pipe = pipe
        self._ask()

    def take_answers(self) -> str | None:
        """Read the answers of the process. Return the input that it has changed to, or None."""
        changed = None
        with suppress(OSError, EOFError):
            while self._pipe is not None and self._pipe.poll():
                message = self._pipe.recv()
                if isinstance(message, Inputs):
                    self.inputs = message.names
                elif self._wanted is not None and message.number == self._wanted[0]:
                    if message.refused:
                        self._refused = message.refused
                    else:
                        changed = self._wanted[1]
                    self._wanted = None
        return changed

    def close(self) -> None:
        """Let the pipe go."""
        if self._pipe is not None:
            self._pipe.close()
            self._pipe = None

    def _ask(self) -> None:
        if self._pipe is not None and self._wanted is not None:
            with suppress(OSError):
                self._pipe.send(self._wanted)

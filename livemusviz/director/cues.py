"""Cross-fades prompts, one at a time; later prompts wait. Pure."""

from __future__ import annotations

from collections import deque

from livemusviz.bridge.frames import Prompt
from livemusviz.curves import smoothstep

MAX_WAITING = 8


class PromptCue:
    """Holds the prompt, or blend of prompts, that is shown and the one before it.

    prompt : the one to fade to.  previous : the one to fade from.

    A prompt that arrives during a fade waits. The current fade is shortened so that it ends within the fade time of the
    new prompt.
    """

    def __init__(self, prompt: Prompt) -> None:
        self.prompt = prompt
        self.previous = prompt
        self._progress = 1.0
        self._rate = 0.0  # progress per second
        self._waiting: deque[tuple[Prompt, float]] = deque(maxlen=MAX_WAITING)

    @property
    def fade(self) -> float:
        """Return the fade in 0..1: 0 is all `previous`, 1 is all `prompt`. It is eased at both ends (smoothstep)."""
        return smoothstep(self._progress)

    @property
    def fading(self) -> bool:
        return self._progress < 1.0

    @property
    def target(self) -> Prompt:
        """Return the prompt that is shown after all fades."""
        return self._waiting[-1][0] if self._waiting else self.prompt

    def set(self, prompt: Prompt, seconds: float) -> None:
        """Fade to `prompt` in `seconds` (>= 0; 0 is a cut)."""
        if prompt == self.target:
            return
        if not self.fading:
            self._start(prompt, seconds)
            return
        remaining = (1.0 - self._progress) / self._rate
        if seconds < remaining:
            self._rate = (1.0 - self._progress) / seconds if seconds > 0 else float("inf")
        self._waiting.append((prompt, seconds))

    def advance(self, dt: float) -> None:
        """Advance by `dt` seconds."""
        if self.fading:
            self._progress = min(1.0, self._progress + (self._rate * dt if dt > 0 else 0.0))
        if not self.fading and self._waiting:
            self._start(*self._waiting.popleft())

    def _start(self, prompt: Prompt, seconds: float) -> None:
        self.previous, self.prompt = self.prompt, prompt
        self._progress, self._rate = (0.0, 1.0 / seconds) if seconds > 0 else (1.0, 0.0)

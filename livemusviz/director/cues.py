"""Prompts over time: one cross-fade at a time, later prompts wait their turn. Pure."""

from __future__ import annotations

from collections import deque

from livemusviz.bridge.frames import Prompt

MAX_WAITING = 8


class PromptCue:
    """The prompt, or blend of prompts, that is shown and the one it comes from.

    A prompt that arrives during a fade is not lost: it waits, and the fade under way is hurried so that it ends within
    the newcomer's own fade time.
    """

    def __init__(self, prompt: Prompt) -> None:
        self.prompt = prompt
        self.previous = prompt
        self._progress = 1.0
        self._rate = 0.0  # progress per second
        self._waiting: deque[tuple[Prompt, float]] = deque(maxlen=MAX_WAITING)

    @property
    def fade(self) -> float:
        """0..1: 0 is all `previous`, 1 is all `prompt`; eased at both ends (smoothstep)."""
        t = self._progress
        return t * t * (3.0 - 2.0 * t)

    @property
    def fading(self) -> bool:
        return self._progress < 1.0

    @property
    def target(self) -> Prompt:
        """The prompt that will be shown in the end."""
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
        """Let `dt` seconds pass."""
        if self.fading:
            self._progress = min(1.0, self._progress + (self._rate * dt if dt > 0 else 0.0))
        if not self.fading and self._waiting:
            self._start(*self._waiting.popleft())

    def _start(self, prompt: Prompt, seconds: float) -> None:
        self.previous, self.prompt = self.prompt, prompt
        self._progress, self._rate = (0.0, 1.0 / seconds) if seconds > 0 else (1.0, 0.0)

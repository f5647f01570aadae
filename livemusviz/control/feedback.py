"""What the show tells controllers, and how often. Runs on the control thread; `Feedback.set` comes from another.

Out, as OSC messages: `/server_active 1` and `/stream-info/*` once a second, `/audio/*` up to 20 times a second.
"""

from __future__ import annotations

from pythonosc.osc_message_builder import OscMessageBuilder

from livemusviz.bridge.types import AudioFeatures

ALIVE_PERIOD = 1.0  # s
AUDIO_PERIOD = 0.05  # s
LISTENING = 60.0  # s that a sender is told things after it last spoke


def encode(address: str, *arguments: float | int | str) -> bytes:
    """One OSC message. Text as s, whole numbers and switches as i (32 bits), other numbers as f."""
    builder = OscMessageBuilder(address)
    for argument in arguments:
        if isinstance(argument, str):
            builder.add_arg(argument, "s")
        elif isinstance(argument, int):
            builder.add_arg(int(argument), "i")
        else:
            builder.add_arg(float(argument), "f")
    return builder.build().dgram


class RateLimit:
    """At most `rate` a second on average, and at most `rate` at once."""

    def __init__(self, rate: float) -> None:
        self._rate, self._left, self._time = rate, rate, float("-inf")

    def allow(self, now: float) -> bool:
        self._left = min(self._rate, self._left + max(0.0, now - self._time) * self._rate)
        self._time = now
        if self._left < 1.0:
            return False
        self._left -= 1.0
        return True


class Feedback:
    """Keeps the last figures and says which messages are due, and to whom.

    out : host and port; None is the last sender heard, on the port it sent from.
    """

    def __init__(self, out: tuple[str, int] | None = None) -> None:
        self._out = out
        self._sender: tuple[str, int] | None = None
        self._heard = 0.0
        self._figures: tuple[float, str, AudioFeatures] = (0.0, "starting", AudioFeatures.rest(0.0))
        self._next_alive = self._next_audio = float("-inf")

    def set(self, fps: float, state: str, features: AudioFeatures) -> None:
        self._figures = (float(fps), state, features)

    def heard(self, sender: tuple[str, int], now: float) -> None:
        """`sender` said something well-formed at `now` (s)."""
        self._sender, self._heard = sender, now

    def target(self, now: float) -> tuple[str, int] | None:
        if self._out is not None:
            return self._out
        return self._sender if self._sender is not None and now - self._heard <= LISTENING else None

    def due(self, now: float) -> list[bytes]:
        """The messages to send at `now` (s); nothing when there is nobody to tell."""
        if self.target(now) is None:
            return []
        messages: list[bytes] = []
        fps, state, features = self._figures
        if now >= self._next_alive:
            self._next_alive = now + ALIVE_PERIOD
            messages += [encode("/server_active", 1), encode("/stream-info/fps", fps)]
            messages.append(encode("/stream-info/state", state))
        if now >= self._next_audio:
            self._next_audio = now + AUDIO_PERIOD
            messages += audio_messages(features)
        return messages


def audio_messages(features: AudioFeatures) -> list[bytes]:
    """`/audio/*`, one float each. onset : 0..1, jumps on an onset, then decays.  beat : phase, 0..1, 0 on the beat."""
    values = {
        "level": features.level,
        "bass": features.bass,
        "mid": features.mid,
        "treble": features.treble,
        "onset": features.onset_strength,
        "beat": features.beat_phase,
        "bpm": features.bpm,
    }
    return [encode(f"/audio/{name}", float(value)) for name, value in values.items()]

"""What the show tells controllers, and how often. Runs on the control thread; `Feedback.publish` comes from another.

Out, as OSC messages: `/server_active 1` and `/stream-info/*` once a second, `/audio/*` and every parameter that has
changed up to 20 times a second, answers to questions when what was asked for before them has been done.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import cast

from pythonosc.osc_message_builder import OscMessageBuilder

from livemusviz.bridge.control import ShowState
from livemusviz.bridge.features import AudioFeatures
from livemusviz.control.udp import Sender
from livemusviz.params.param import Param, Value
from livemusviz.params.registry import REGISTRY, Registry

ALIVE_PERIOD = 1.0  # s
AUDIO_PERIOD = 0.05  # s
LISTENING = 60.0  # s that a sender is told things after it last spoke
CHANGES_AT_ONCE = 40  # values told in one go; the rest follow 50 ms later
MAX_QUESTIONS = 256
SETTLED = 2  # publications after which what came before a question has been done
PATIENCE = 0.25  # s after which a question is answered even if the show publishes nothing


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
    """Keeps the last published state and says which messages are due, and to whom.

    out : host and port; None is the last sender heard, on the port it sent from.
    """

    def __init__(self, out: Sender | None = None, registry: Registry = REGISTRY) -> None:
        self._out, self._registry = out, registry
        self._sender: Sender | None = None
        self._heard = 0.0
        self._state: ShowState | None = None
        self._told: dict[str, object] = {}  # value by name, as the controller knows it
        self._own: dict[str, int] = {}  # publication at which the controller set it itself
        self._next_alive = self._next_audio = float("-inf")
        self._questions: deque[tuple[Param, Sender, float, int]] = deque(maxlen=MAX_QUESTIONS)

    def publish(self, state: ShowState) -> None:
        self._state = state

    def heard(self, sender: Sender, now: float) -> None:
        """`sender` said something well-formed at `now` (s). A new controller is told every value."""
        if self._out is None and sender != self._sender:
            self._told.clear()
        self._sender, self._heard = sender, now

    def knows(self, name: str, value: object) -> None:
        """The controller has set `name` to `value` itself: no need to tell it so, its fader would fight the hand."""
        if self._out is None:
            self._told[name] = value
            self._own[name] = self._tick()

    def ask(self, param: Param, sender: Sender, now: float) -> None:
        """`sender` wants the value of `param`; `answers` has it once what came before the question has been done."""
        self._questions.append((param, sender, now, self._tick()))

    def answers(self, now: float) -> list[tuple[bytes, Sender]]:
        """Replies to questions, and to whom."""
        ready: list[tuple[bytes, Sender]] = []
        while self._questions:
            param, sender, asked, tick = self._questions[0]
            if self._tick() < tick + SETTLED and now - asked < PATIENCE:
                break
            self._questions.popleft()
            if self._state is not None and param.name in self._state.values:
                datagram = self._value(param, self._state.values)
                ready += [(datagram, to) for to in self.readers(sender)]
        return ready

    def readers(self, sender: Sender) -> list[Sender]:
        """Who reads what is said in reply to `sender`: many controllers listen on another port than they send from."""
        return [sender] if self._out is None or self._out == sender else [sender, self._out]

    def target(self, now: float) -> Sender | None:
        if self._out is not None:
            return self._out
        return self._sender if self._sender is not None and now - self._heard <= LISTENING else None

    def due(self, now: float) -> list[bytes]:
        """The messages to send at `now` (s); nothing when there is nobody to tell."""
        state = self._state
        if self.target(now) is None or state is None:
            return []
        messages: list[bytes] = []
        if now >= self._next_alive:
            self._next_alive = now + ALIVE_PERIOD
            messages += [encode("/server_active", 1), encode("/stream-info/fps", state.fps)]
            messages.append(encode("/stream-info/state", state.engine))
        if now >= self._next_audio:
            self._next_audio = now + AUDIO_PERIOD
            messages += audio_messages(state.features)
            messages += self._changes(state.values)
        return messages

    def _changes(self, values: Mapping[str, object]) -> list[bytes]:
        """What differs from what the controller knows, as messages; part of it now and the rest later if it is much."""
        done = self._tick() - SETTLED  # what the controller set before this publication has been applied by now
        changed = [
            param
            for param in self._registry.params
            if param.kind != "action"
            and param.name in values
            and self._told.get(param.name, self) != values[param.name]
            and self._own.get(param.name, done) <= done
        ][:CHANGES_AT_ONCE]
        self._told.update({param.name: values[param.name] for param in changed})
        return [self._value(param, values) for param in changed]

    def _value(self, param: Param, values: Mapping[str, object]) -> bytes:
        return encode(param.address, *param.wire(cast(Value, values[param.name])))

    def _tick(self) -> int:
        return self._state.tick if self._state is not None else 0


def audio_values(features: AudioFeatures) -> dict[str, float]:
    """`/audio/*` by address. onset : 0..1, jumps on an onset, then decays.  beat : phase, 0..1, 0 on the beat."""
    return {
        "/audio/level": features.level,
        "/audio/bass": features.bass,
        "/audio/mid": features.mid,
        "/audio/treble": features.treble,
        "/audio/onset": features.onset_strength,
        "/audio/beat": features.beat_phase,
        "/audio/bpm": features.bpm,
    }


def audio_messages(features: AudioFeatures) -> list[bytes]:
    """`/audio/*`, one float each."""
    return [encode(address, float(value)) for address, value in audio_values(features).items()]

"""Sends the values of the show to controllers, as OSC. Runs on the control thread; `Feedback.publish` comes from
another.

Once a second: `/server_active 1` and `/stream-info/*`. Up to 20 times a second: `/audio/*` and every parameter that has
changed. A question is answered after the messages before it have taken effect.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from pythonosc.osc_message_builder import OscMessageBuilder

from livemusviz.bridge.control import ShowState
from livemusviz.bridge.features import AudioFeatures
from livemusviz.bridge.outputs import OutputStatus
from livemusviz.control.udp import Sender
from livemusviz.params.param import Param, Value
from livemusviz.params.registry import REGISTRY, Registry

UNKNOWN = "/prompt/unknown"  # words that mean nothing to the model, joined by blanks
ALIVE_PERIOD = 1.0  # s
AUDIO_PERIOD = 0.05  # s
LISTENING = 60.0  # s for which a sender gets feedback after its last message
CHANGES_AT_ONCE = 40  # values sent in one go; the rest follow 50 ms later
MAX_QUESTIONS = 256
MAX_SPEAKERS = 16  # senders that get feedback at a time, besides those named
SETTLED = 2  # publications after which the messages before a question have taken effect
PATIENCE = 0.25  # s after which a question is answered even if the show publishes nothing


def encode(address: str, *arguments: float | int | str) -> bytes:
    """Return one OSC message. Text as s, whole numbers and switches as i (32 bits), other numbers as f."""
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
    """Allows at most `rate` a second on average, and at most `rate` at once."""

    def __init__(self, rate: float) -> None:
        self._rate, self._left, self._time = rate, rate, float("-inf")

    def allow(self, now: float) -> bool:
        self._left = min(self._rate, self._left + max(0.0, now - self._time) * self._rate)
        self._time = now
        if self._left < 1.0:
            return False
        self._left -= 1.0
        return True

    def spend(self, more: int) -> None:
        """Count `more` without asking; the count may exceed the limit."""
        self._left -= max(0, more)


@dataclass
class _Reader:
    """Holds one recipient.

    last_message : s, time of its last message.
    own : publication at which it set a value itself, by name.
    known : value by name, as the recipient has it.
    outs : state and last error of each output by name, as the recipient has them.
    """

    last_message: float
    known: dict[str, object] = field(default_factory=dict)
    own: dict[str, int] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()
    outs: dict[str, tuple[str, str]] = field(default_factory=dict)


class Feedback:
    """Keeps the last published state and returns the messages that are due, with their recipients.

    Recipients are those named in `outs`, and every sender of the last minute, on the port it sent from.
    """

    def __init__(self, outs: Sequence[Sender] = (), registry: Registry = REGISTRY) -> None:
        """outs : host and port of each."""
        self._outs, self._registry = tuple(dict.fromkeys(outs)), registry
        self._readers = {out: _Reader(float("inf")) for out in self._outs}
        self._state: ShowState | None = None
        self._next_alive = self._next_audio = float("-inf")
        self._questions: deque[tuple[Param, Sender, float, int]] = deque(maxlen=MAX_QUESTIONS)

    def publish(self, state: ShowState) -> None:
        self._state = state

    def add_sender(self, sender: Sender, now: float) -> None:
        """Note a well-formed message of `sender` at `now` (s). A new recipient gets every value."""
        reader = self._readers.setdefault(sender, _Reader(now))
        reader.last_message = max(reader.last_message, now)
        if len(self._readers) > MAX_SPEAKERS + len(self._outs):
            del self._readers[min(self._readers, key=lambda each: self._readers[each].last_message)]

    def knows(self, sender: Sender, name: str, value: object) -> None:
        """Note that `sender` has set `name` to `value`: sending it back would move a fader while it is moved by
        hand.
        """
        reader = self._readers.get(sender)
        if reader is not None:
            reader.known[name] = value
            reader.own[name] = self._tick()

    def ask(self, param: Param, sender: Sender, now: float) -> None:
        """Note a question of `sender`; `answers` returns the value once the messages before it have taken effect."""
        self._questions.append((param, sender, now, self._tick()))

    def answers(self, now: float) -> list[tuple[bytes, Sender]]:
        """Return the replies to questions, and to whom."""
        ready: list[tuple[bytes, Sender]] = []
        while self._questions:
            param, sender, asked, tick = self._questions[0]
            if self._tick() < tick + SETTLED and now - asked < PATIENCE:
                break
            self._questions.popleft()
            if self._state is not None and param.name in self._state.values:
                datagram = self._value(param, self._state.values)
                ready += [(datagram, to) for to in self.repliers(sender)]
        return ready

    def repliers(self, sender: Sender) -> list[Sender]:
        """Return the recipients of a reply to `sender`: many controllers listen on another port than they send from."""
        return list(dict.fromkeys((sender, *self._outs)))

    def targets(self, now: float) -> list[Sender]:
        """Return the recipients at `now` (s); those silent for a minute are dropped."""
        for sender in [sender for sender, reader in self._readers.items() if now - reader.last_message > LISTENING]:
            del self._readers[sender]
        return list(self._readers)

    def due(self, now: float) -> list[tuple[bytes, Sender]]:
        """Return the messages to send at `now` (s), each with its recipient."""
        state, targets = self._state, self.targets(now)
        if not targets or state is None:
            return []
        messages: list[bytes] = []
        if now >= self._next_alive:
            self._next_alive = now + ALIVE_PERIOD
            messages += [encode("/server_active", 1), encode("/stream-info/fps", state.fps)]
            messages.append(encode("/stream-info/state", state.engine))
        if now < self._next_audio:
            return [(message, target) for target in targets for message in messages]
        self._next_audio = now + AUDIO_PERIOD
        messages += audio_messages(state.features)
        return [
            (message, target)
            for target in targets
            for message in (
                *messages,
                *self._changes(self._readers[target], state.values, state.unknown),
                *output_messages(self._readers[target].outs, state.outs),
            )
        ]

    def _changes(self, reader: _Reader, values: Mapping[str, object], unknown: tuple[str, ...]) -> list[bytes]:
        """Return the values that differ from those of a recipient, as messages; at most `CHANGES_AT_ONCE`, the rest
        later.
        """
        done = self._tick() - SETTLED  # its own changes before this publication have taken effect
        changed = [
            param
            for param in self._registry.params
            if param.kind != "action"
            and param.name in values
            and reader.known.get(param.name, self) != values[param.name]
            and reader.own.get(param.name, done) <= done
        ][:CHANGES_AT_ONCE]
        reader.known.update({param.name: values[param.name] for param in changed})
        messages = [self._value(param, values) for param in changed]
        if unknown != reader.unknown:
            reader.unknown = unknown
            messages.append(encode(UNKNOWN, " ".join(unknown)))
        return messages

    def _value(self, param: Param, values: Mapping[str, object]) -> bytes:
        return encode(param.address, *param.wire(cast(Value, values[param.name])))

    def _tick(self) -> int:
        return self._state.tick if self._state is not None else 0


def output_messages(known: dict[str, tuple[str, str]], outs: Sequence[OutputStatus]) -> list[bytes]:
    """Return `/out/NAME/state` and `/out/NAME/error` of the outputs that have changed, and update `known`."""
    messages = []
    for out in outs:
        state, error = known.get(out.name, ("", ""))
        if out.state != state:
            messages.append(encode(f"/out/{out.name}/state", out.state))
        if out.message != error:
            messages.append(encode(f"/out/{out.name}/error", out.message))
        known[out.name] = out.state, out.message
    return messages


def audio_values(features: AudioFeatures) -> dict[str, float]:
    """Return `/audio/*` by address. onset : 0..1, jumps on an onset, then decays.  beat : phase, 0..1, 0 on the
    beat."""
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
    """Return `/audio/*` as messages, one float each."""
    return [encode(address, float(value)) for address, value in audio_values(features).items()]

"""Runs the MIDI thread: messages of all inputs in; `ControlEvent`s, a clock's tempo and feedback out.

rtmidi calls back on threads of its own; they only stamp a message and queue it. This thread opens ports as they are
plugged in, reads the queue, sends surfaces the positions of their faders, rings and lamps, and goes on after any fault.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from livemusviz.bridge.control import ControlEvent, ExternalTempo, ShowState
from livemusviz.bridge.events import EventSink
from livemusviz.bridge.latest import Latest
from livemusviz.clock import Clock
from livemusviz.control.midi.clock import MidiClocks
from livemusviz.control.midi.inputs import VIRTUAL, MidiInputs
from livemusviz.control.midi.mapping import Key, MidiMap, bind_control, centred, load_map, save
from livemusviz.control.midi.ports import MISSING, output_of
from livemusviz.control.midi.surface import Surfaces
from livemusviz.errors import UserError
from livemusviz.params.registry import REGISTRY, Registry

log = logging.getLogger(__name__)

WAIT = 0.05  # s
MAX_WAITING = 4096  # messages
SELECTORS = range(98, 102)  # control numbers that choose an NRPN or RPN
CLOCK_KINDS = frozenset(("clock", "start", "continue", "stop", "songpos"))


class MidiControl:
    """Runs MIDI input and feedback from `start` to `close`.

    ports : "all", "virtual", or a part of an input's name.
    path : the user's map.
    tell : called with one line when something cannot be done; on the MIDI thread.
    """

    def __init__(
        self,
        clock: Clock,
        events: EventSink,
        ports: str,
        path: Path,
        tell: Callable[[str], None],
        registry: Registry = REGISTRY,
    ) -> None:
        self._clock, self._events, self._path = clock, events, path
        self._tell, self._registry = tell, registry
        self._state: Latest[ShowState] = Latest()
        self._queue: queue.Queue[tuple[str, Any, float]] = queue.Queue(MAX_WAITING)
        self._stopping = threading.Event()
        self._inputs, self._surfaces = MidiInputs(ports, self._heard), Surfaces()
        self._learning = ""
        self._selected: dict[Key, int] = {}  # first values of selectors since learning began
        self._clocks = MidiClocks()
        self._lock = threading.Lock()  # the clock is read from another thread
        self.map = MidiMap((), registry)
        self.messages = self.faults = 0
        self._thread = threading.Thread(target=self._run, name="midi", daemon=True)

    def start(self) -> None:
        """Open what is there and listen. UserError without the extra; a sequencer may come later."""
        try:
            self._inputs.start()
        except UserError as error:
            if str(error) == MISSING:
                raise
            log.warning("%s; the show goes on and looks again", error)
        try:
            self.map = load_map(self._path, self._registry)
        except UserError as error:  # the show goes on without it, and the file is left as it is
            self._tell(str(error))
        self._thread.start()

    def close(self) -> None:
        """Close all inputs. Safe to call twice."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout=1.0)

    @property
    def inputs(self) -> tuple[str, ...]:
        """Return the names of the inputs that are open."""
        return self._inputs.names

    @property
    def learning(self) -> str:
        """Return the address that waits for a control, or ""."""
        return self._learning

    def publish(self, state: ShowState) -> None:
        self._state.put(state)

    def read_clock(self, now: float) -> ExternalTempo | None:
        """Return the tempo of a MIDI clock at `now`; None without a clock."""
        with self._lock:
            return self._clocks.read(now)

    def learn(self, wish: str) -> None:
        """Bind the next control that is moved to `wish`, as `bind_control` takes it; "" gives up learning."""
        if wish:
            bind_control(Key("cc", 1, 0), wish, self._registry)  # a UserError now, not when a control is moved
        self._selected.clear()
        self._learning = wish

    def forget(self, address: str) -> None:
        """Remove the bindings of `address`. UserError if the map cannot be written."""
        self.map = self.map.without(address)
        save(self._path, self.map)

    # --- the MIDI thread ------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._look()
                self._take()
                self._show()
            except Exception as error:
                self.faults += 1
                if not isinstance(error, UserError):
                    log.exception("MIDI: a fault; the show goes on")
                self._tell(f"MIDI: {error}")
                self._stopping.wait(0.5)
        self._inputs.close()
        self._surfaces.close()

    def _look(self) -> None:
        """Open ports that have appeared, close those that are gone, and open their outputs."""
        gone, backend = self._inputs.look(self._clock.now()), self._inputs.backend
        if gone is None or backend is None:
            return
        for name in gone:
            with self._lock:
                self._clocks.drop(name)
        if self._inputs.virtual:
            self._surfaces.keep([VIRTUAL], partial(backend.open_output, virtual=True))
        elif self.map.bindings:  # a port that nothing is sent to stays free for other programs
            outputs = backend.outputs()
            wanted = [output for name in self.inputs if (output := output_of(name, outputs)) is not None]
            self._surfaces.keep(wanted, backend.open_output)

    def _show(self) -> None:
        """Send the surfaces what has changed of what they show."""
        state = self._state.get()
        if state is not None:
            self._surfaces.show(self.map.positions(state.values), self._clock.now())

    def _heard(self, name: str, message: Any) -> None:
        """Take a message, on rtmidi's thread. A full queue drops it: no controller sends so many."""
        try:
            self._queue.put_nowait((name, message, self._clock.now()))
        except queue.Full:
            self.faults += 1

    def _take(self) -> None:
        try:
            name, message, time = self._queue.get(timeout=WAIT)
        except queue.Empty:
            return
        try:
            self._handle(name, message, time)
        finally:
            self.messages += 1  # that have been dealt with

    def _selects(self, key: Key, value: int) -> bool:
        """Return True for a message that only names an NRPN or RPN, whose value follows: it repeats itself."""
        if key.message != "cc" or key.number not in SELECTORS:
            return False
        return self._selected.setdefault(key, value) == value

    def _handle(self, name: str, message: Any, time: float) -> None:
        if message.type in CLOCK_KINDS:
            with self._lock:
                self._clocks.message(name, message.type, time, getattr(message, "pos", 0))
            return
        if message.type == "program_change":
            self._events.put(ControlEvent("preset", f"#{message.program + 1}", time))
            return
        moved = _control(message)
        if moved is None or self._surfaces.is_echo(*moved, time):
            return
        key, value = moved
        if self._learning and value > 0 and not self._selects(key, value):
            wish, self._learning = self._learning, ""
            self.map = self.map.with_binding(centred(bind_control(key, wish, self._registry), value))
            save(self._path, self.map)
            log.info("MIDI: %s %d on channel %d moves %s", key.message, key.number, key.channel, wish)
        if key not in self.map.turned:
            self._surfaces.moved(key, value, time)
        state = self._state.get()
        for event in self.map.events(key, value, state.values if state else {}, time):
            self._events.put(event)


def _control(message: Any) -> tuple[Key, int] | None:
    """Return a mido message as a control and its value; None if it is another kind."""
    if message.type == "control_change":
        return Key("cc", message.channel + 1, message.control), int(message.value)
    if message.type in ("note_on", "note_off"):
        value = message.velocity if message.type == "note_on" else 0
        return Key("note", message.channel + 1, message.note), int(value)
    return None

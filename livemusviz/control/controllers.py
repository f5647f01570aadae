"""Opens and feeds all controllers of a show: OSC, OSCQuery, the web remote, MIDI and Link. Used on the main thread.

Only the controllers that are asked for are opened and their libraries imported. Nothing here waits; the work is done on
the threads of the `loop.py` files.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from livemusviz.bridge.control import ExternalTempi, ShowState
from livemusviz.bridge.notices import Notices
from livemusviz.bridge.view import CanvasPicture
from livemusviz.clock import Clock
from livemusviz.control.link import LinkPeer
from livemusviz.control.loop import EventSink, OscControl
from livemusviz.control.midi.loop import MidiControl
from livemusviz.control.midi.mapping import default_path
from livemusviz.control.midi.ports import midi_available
from livemusviz.control.options import ControlOptions
from livemusviz.errors import UserError
from livemusviz.params.registry import REGISTRY, Registry

if TYPE_CHECKING:
    from livemusviz.control.web.loop import WebServers

log = logging.getLogger(__name__)

OFFERED = ("audio", "tap", "midi")  # tempi that a leading show offers to Link


class Controllers:
    """Runs from `start` to `close`. `osc` is always open; `web`, `midi` and `link` are None where not asked for."""

    def __init__(
        self,
        options: ControlOptions,
        clock: Clock,
        events: EventSink,
        bpm: float,
        registry: Registry = REGISTRY,
        notices: Notices | None = None,
    ) -> None:
        """bpm : the tempo of a Link session that this show begins.  notices : takes errors."""
        self._notices = notices or Notices()
        self._options, self._clock, self._events, self._bpm = options, clock, events, bpm
        self._registry = registry
        self.osc = OscControl(clock, events, options.host, options.osc_port, options.osc_outs, registry)
        self.web: WebServers | None = None
        self.midi: MidiControl | None = None
        self.link: LinkPeer | None = None

    def start(self) -> None:
        """Open everything. UserError for a controller that was asked for by name and cannot be opened."""
        options = self._options
        self.osc.start()
        if options.oscquery_port is not None or options.web is not None:
            self._open_web()
        if options.midi not in ("off", "auto") or (options.midi == "auto" and midi_available()):
            self._open_midi("all" if options.midi == "auto" else options.midi)
        if options.link:
            self.link = LinkPeer(self._bpm, lead=options.link_lead)

    def close(self) -> None:
        """Close everything. Safe to call twice."""
        if self.link is not None:
            self.link.close()
            self.link = None
        if self.midi is not None:
            self.midi.close()
        if self.web is not None:
            self.web.close()
        self.osc.close()

    def publish(self, state: ShowState) -> None:
        """Set the state that controllers get from now on."""
        self.osc.publish(state)
        for part in (self.web, self.midi):
            if part is not None:
                part.publish(state)
        if self.link is not None and self.link.lead and state.tempo_source in OFFERED:
            self.link.offer(state.bpm, state.beat, self._clock.now())

    def error(self, text: str) -> None:
        """Send an error to the performer's OSC controller; the page reads it from the state."""
        self.osc.error(text)

    def external_tempi(self, now: float, beats_per_bar: int) -> ExternalTempi:
        """Return the tempi of others at `now` (s)."""
        link = self.link.read(now, beats_per_bar) if self.link is not None else None
        return ExternalTempi(
            link=None
            if self.link is not None and self.link.lead
            else link,  # a show that leads the session does not follow it
            midi=self.midi.read_clock(now) if self.midi is not None else None,
        )

    def propose(self, bpm: float | None, beat: float | None) -> None:
        """Ask the Link session for another tempo or position; None for no change."""
        if self.link is not None:
            self.link.propose(bpm, beat)

    def learn(self, wish: str) -> None:
        """Let the next MIDI control move the address of `wish`. UserError without MIDI, or for a bad `wish`."""
        self._midi_input().learn(wish)

    def forget(self, address: str) -> None:
        """Let no MIDI control move `address`. UserError without MIDI."""
        self._midi_input().forget(address)

    def _midi_input(self) -> MidiControl:
        if self.midi is None:
            raise UserError("there is no MIDI input to learn from; start with --midi all")
        return self.midi

    def wants_pictures(self) -> bool:
        """Return True if somebody watches the canvas on a phone."""
        return self.web is not None and self.web.wants_pictures()

    def put_picture(self, picture: CanvasPicture) -> None:
        if self.web is not None:
            self.web.put_picture(picture)

    @property
    def code(self) -> tuple[str, ...]:
        """Return rows of a QR code with the page's address, "1" is dark; none without a page."""
        return self.web.code if self.web is not None else ()

    def hud_lines(self) -> tuple[str, ...]:
        """Return lines for the operator: the page's address, the address that waits for a MIDI control."""
        lines = [f"web {self.web.url}"] if self.web is not None and self.web.url else []
        if self.midi is not None:
            learning = f"  learning {self.midi.learning}" if self.midi.learning else ""
            lines.append(f"midi {', '.join(self.midi.inputs) or 'no input'}{learning}")
        return tuple(lines)

    def _tell(self, text: str) -> None:
        self._notices.error(text, "midi")

    def _open_web(self) -> None:
        from livemusviz.control.web.loop import WebOptions, WebServers

        options = self._options
        oscquery = None if options.oscquery_port is None else (options.host, options.oscquery_port)
        served = WebOptions(oscquery, options.web, self.osc.port, options.web_token)
        web = WebServers(served, self._clock, self._events, self._registry)
        web.start()
        self.web = web

    def _open_midi(self, ports: str) -> None:
        midi = MidiControl(self._clock, self._events, ports, default_path(), self._tell, self._registry)
        try:
            midi.start()
        except UserError as error:
            if self._options.midi != "auto":
                raise
            log.info("no MIDI: %s", error)
            return
        self.midi = midi

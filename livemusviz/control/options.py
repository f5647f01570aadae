"""Holds the options of the controllers. A frozen value; no sockets here."""

from __future__ import annotations

from dataclasses import dataclass

from livemusviz.errors import UserError
from livemusviz.sizes import whole_number


@dataclass(frozen=True, slots=True)
class ControlOptions:
    """Holds the options of all controllers.

    host : address that OSC (UDP) and OSCQuery (TCP) bind to.
    osc_port : UDP port; the next free one is taken. 0 takes any.
    osc_outs : recipients of feedback besides those who sent something within the last minute.
    oscquery_port : TCP port; None opens no OSCQuery server.
    web : host and port of the page; None opens no page.
    web_token : token of the page's address; "" makes one.
    midi : part of an input's name, "all", "virtual", "off", or "auto": all inputs where there is MIDI.
    link : True follows Ableton Link.
    link_lead : True joins a Link session from the start and offers the tempo that leads the show.
    """

    host: str = "127.0.0.1"
    osc_port: int = 7000
    osc_outs: tuple[tuple[str, int], ...] = ()
    oscquery_port: int | None = None
    web: tuple[str, int] | None = None
    web_token: str = ""
    midi: str = "off"
    link: bool = False
    link_lead: bool = False


def parse_address(text: str) -> tuple[str, int]:
    """'host:port' as a pair. UserError otherwise."""
    host, _, digits = text.rpartition(":")
    port = whole_number(digits, 1, 65_535)
    if not host or port is None:
        raise UserError(f"address '{text[:64]}': give HOST:PORT, as 127.0.0.1:7001")
    return host, port

"""Holds the options of the controllers. A frozen value; no sockets here."""

from __future__ import annotations

from dataclasses import dataclass

from livemusviz.errors import UserError


@dataclass(frozen=True, slots=True)
class ControlOptions:
    """host, osc_port : where OSC (UDP) and OSCQuery (TCP) listen.  osc_outs : where feedback always goes, besides to
    whoever spoke within the last minute.
    oscquery_port : None is off.  web : host and port of the page; None is off.  web_token : of the page's address; ""
    makes one.
    midi : part of an input's name, "all", "virtual", "off", or "auto": all where MIDI is to be had, else none.
    link : follow Ableton Link.  link_lead : take part from the start, and offer the tempo that leads the show.
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
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or not 1 <= int(port) <= 65535:
        raise UserError(f"address '{text[:64]}': give HOST:PORT, as 127.0.0.1:7001")
    return host, int(port)

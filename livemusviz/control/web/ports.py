"""Binds TCP ports, and finds the address by which others reach them. Used on the main thread, at the start."""

from __future__ import annotations

import logging
import socket

from livemusviz.errors import UserError
from livemusviz.platforms import allow_rebind

log = logging.getLogger(__name__)

PORTS_TRIED = 11


def bind_port(host: str, port: int, what: str, flag: str) -> socket.socket:
    """Return a listening socket on the first free port from `port`. UserError if there is none."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except (OSError, UnicodeError) as error:
        raise UserError(f"{what}: '{host}' is not an address of this machine ({error}); try 127.0.0.1") from None
    for candidate in [0] if port == 0 else range(port, min(port + PORTS_TRIED, 65_536)):
        tcp = socket.socket(family, socket.SOCK_STREAM)
        allow_rebind(tcp)
        try:
            tcp.bind((address[0], candidate, *address[2:]))
            tcp.listen(32)
        except OSError as error:
            tcp.close()
            log.info("%s: port %d on %s is not free (%s)", what, candidate, host, error.strerror)
            continue
        if port not in (0, candidate):
            log.warning("%s: port %d is taken; listening on %d instead", what, port, candidate)
        return tcp
    raise UserError(f"{what}: no free port on {host} from {port}; close the other program or use {flag}")


def reachable(host: str) -> str:
    """Return an address under which others reach a server bound to `host`."""
    if host not in ("0.0.0.0", "::"):  # noqa: S104
        return host
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing; asks the system for the interface that it would use
            return str(probe.getsockname()[0])
        except OSError:
            return "127.0.0.1"


def literal(host: str) -> str:
    """Return a host as it stands in a URL."""
    return f"[{host}]" if ":" in host else host

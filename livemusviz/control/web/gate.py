"""Decides who may use the web servers. Pure, standard library only.

A page of another site, open in a browser on this machine, can reach a loopback port too. Two headers that a browser
does not let a page forge keep it out: `Host` must name this machine and not a domain that was pointed at it (DNS
rebinding), and `Origin` must be our own page's. The phone page also needs its token.
"""

from __future__ import annotations

import hmac
import ipaddress
import re
import socket
from urllib.parse import parse_qs, urlsplit

_HOST = re.compile(r"(?:\[([0-9a-fA-F:.]{2,45})\]|([A-Za-z0-9._-]{1,253}))(?::\d{1,5})?")


def host_allowed(host: str) -> bool:
    """Return True if a `Host` header names an address, localhost or this machine."""
    match = _HOST.fullmatch(host)
    if match is None:
        return False
    name = (match[1] or match[2]).lower()
    try:
        ipaddress.ip_address(name)
        return True
    except ValueError:
        own = socket.gethostname().lower()
        return name in {"localhost", own, own.split(".")[0] + ".local"}


def origin_allowed(origin: str | None, host: str) -> bool:
    """Return True if an `Origin` header is our own page's; programs that are no browsers send none."""
    return origin is None or origin in (f"http://{host}", f"https://{host}")


def token_allowed(target: str, token: str) -> bool:
    """Return True if a request target such as `/?token=...` carries the token.

    Takes the same time for any wrong token.
    """
    given = parse_qs(urlsplit(target).query, max_num_fields=8).get("token", [""])[0]
    return hmac.compare_digest(given.encode("utf-8", "replace"), token.encode("utf-8"))

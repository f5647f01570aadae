"""Answers HTTP requests of the web servers. No sockets here; used on the web thread."""

from __future__ import annotations

from http import HTTPStatus
from importlib import resources

from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from livemusviz.control.web.gate import host_allowed, origin_allowed

FILES = {
    "/": ("page.html", "text/html; charset=utf-8"),
    "/page.js": ("page.js", "text/javascript; charset=utf-8"),
    "/page.css": ("page.css", "text/css; charset=utf-8"),
}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def page_file(path: str, token: str) -> Response:
    """Return one of the page's files, with the token in its links."""
    if path not in FILES:
        return response(404, "text/plain", "")
    name, kind = FILES[path]
    text = resources.files("livemusviz.control.web").joinpath("static", name).read_text("utf-8")
    return response(200, kind, text.replace("{{token}}", token))


def refuse_request(request: Request) -> Response | None:
    """Return the response that rejects a request, or None if it may go on."""
    hosts, origins = request.headers.get_all("Host"), request.headers.get_all("Origin")
    if len(hosts) != 1 or not host_allowed(hosts[0]):
        return response(403, "text/plain", "this Host is not served here\n")
    if not all(origin_allowed(origin, hosts[0]) for origin in origins):
        return response(403, "text/plain", "requests from other pages are refused\n")
    return None


def response(status: int, kind: str, text: str) -> Response:
    """Return a whole answer that no other page may embed, keep or read."""
    body = text.encode("utf-8")
    headers = Headers(
        {
            "Content-Type": kind,
            "Content-Length": str(len(body)),
            "Cache-Control": "no-store",
            "Content-Security-Policy": POLICY,
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
            "Connection": "close",
        }
    )
    return Response(status, HTTPStatus(status).phrase, headers, body)

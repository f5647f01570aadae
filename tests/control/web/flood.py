"""Frames of a WebSocket as an unfriendly client sends them."""

from __future__ import annotations

import base64
import os
import socket

CONTINUED, TEXT, PING, PONG = 0, 1, 9, 10
FIRST = 0x80  # bit of a message's last frame


def frame(opcode: int, payload: bytes = b"", last: bool = True) -> bytes:
    """Return one masked frame. payload : at most 125 bytes."""
    return bytes([(FIRST if last else 0) | opcode, 0x80 | len(payload)]) + bytes(4) + payload


FLOODS = {
    "empty fragments": (frame(TEXT, last=False), frame(CONTINUED, last=False)),
    "fragments": (frame(TEXT, last=False), frame(CONTINUED, b"x", last=False)),
    "pings": (b"", frame(PING, b"x")),
    "pongs": (b"", frame(PONG, b"x")),
    "messages": (b"", frame(TEXT, b"{}")),
}
"""Each flood: its first bytes, and those it repeats."""


def shaken_hands(port: int) -> socket.socket:
    """Return a socket on which a WebSocket is open."""
    client = socket.create_connection(("127.0.0.1", port), timeout=3)
    key = base64.b64encode(os.urandom(16)).decode()
    client.sendall(
        f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    assert b" 101 " in client.recv(4096)
    return client

"""Parses OSC datagrams safely: bytes in, a `Packet` of plain values out. Pure, standard library only; any thread.

python-osc's codec recurses without a bound, raises UnicodeDecodeError, logs a line for each unknown type and reads past
an element's end; a check around it would have to parse the same bytes. So this parser is our own. Every length is
checked against what is left before it is used, nothing recurses deeper than `MAX_DEPTH`, and the work is linear in the
datagram. Every message of a bundle has its length, so one that cannot be read is refused alone; with an impossible
length the whole datagram is rejected.

The format is OSC 1.0 (opensoundcontrol.stanford.edu/spec-1_0.html): big-endian, everything padded to 4 bytes.
"""

from __future__ import annotations

import math
import re
import struct
from dataclasses import dataclass, field

Argument = float | int | bool | str | bytes | None
Message = tuple[str, list[Argument]]

MAX_DATAGRAM = 65_507  # bytes, the largest UDP payload over IPv4
MAX_DEPTH = 4  # bundles inside one another
MAX_MESSAGES = 1024  # in one datagram; a surface that sends all its values sends a few hundred
MAX_ARGUMENTS = 64  # of one message
# No pattern characters: an address names exactly one thing. A "?" at the end asks for its value.
ADDRESS = re.compile(rb"/[a-z0-9_/.+ -]{1,127}\??")
FOREIGN = re.compile(rb"/[ -~]{0,127}")  # what else a controller may call something

_BUNDLE = b"#bundle\0"
_BUNDLE_HEADER = 16  # bytes: the name and a time tag
_UNIX = 2_208_988_800  # s from 1900, where time tags begin, to 1970
_TIME = struct.Struct(">II")
_CONSTANTS: dict[int, Argument] = {ord("T"): True, ord("F"): False, ord("N"): None, ord("I"): None}  # I is an impulse
_TEXT = (ord("s"), ord("S"))
_NUMBERS = {
    ord("i"): struct.Struct(">i"),
    ord("h"): struct.Struct(">q"),
    ord("f"): struct.Struct(">f"),
    ord("d"): struct.Struct(">d"),
}
_FLOAT = ord("f")
_SIZE = struct.Struct(">i")


class OscRejected(Exception):
    """Rejects a datagram; the text is the reason. Rejections are counted, never printed one by one."""


@dataclass(slots=True)
class Packet:
    """Holds the content of one datagram.

    messages : (address, arguments), in order.
    due : s since 1970 for each message; 0.0 is at once.
    refused : unreadable messages, as address and reason; the address is "" where it cannot be read either.
    foreign : addresses among those that no show has, as /Gain or /fx/*/size, in printable ASCII.
    """

    messages: list[Message] = field(default_factory=list)
    due: list[float] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)


def read_packet(datagram: bytes) -> Packet:
    """Return what is in one datagram. `OscRejected` if it is too large or its lengths do not fit.

    Accepts argument types i h f d s S b T F N I and arrays, whose elements count as arguments; numbers are finite,
    strings are UTF-8. A message with anything else is among the refused.
    """
    if len(datagram) > MAX_DATAGRAM:
        raise OscRejected(f"{len(datagram)} bytes; at most {MAX_DATAGRAM}")
    packet = Packet()
    _element(datagram, 0, len(datagram), 0, 0.0, packet)
    return packet


def validate(datagram: bytes) -> list[Message]:
    """Return the messages of one datagram, in order. `OscRejected` if any of it cannot be read."""
    packet = read_packet(datagram)
    if packet.refused:
        raise OscRejected(packet.refused[0][1])
    return packet.messages


def _element(data: bytes, start: int, end: int, depth: int, due: float, packet: Packet) -> None:
    if end - start < 4 or (end - start) % 4:
        raise OscRejected(f"an element of {end - start} bytes; OSC counts in fours")
    if not data.startswith(_BUNDLE, start, end):
        if len(packet.messages) + len(packet.refused) >= MAX_MESSAGES:
            raise OscRejected(f"more than {MAX_MESSAGES} messages in one datagram")
        try:
            packet.messages.append(_message(data, start, end))
            packet.due.append(due)
        except OscRejected as error:
            address = _raw_address(data, start, end)
            ours = ADDRESS.fullmatch(address) is not None
            packet.refused.append((address.decode("ascii") if ours else "", str(error)))
            if not ours and FOREIGN.fullmatch(address):
                packet.foreign.append(address.decode("ascii"))
        return
    if depth >= MAX_DEPTH:
        raise OscRejected(f"bundles nested deeper than {MAX_DEPTH}")
    at = start + _BUNDLE_HEADER
    if at > end:
        raise OscRejected("a bundle without a time tag")
    due = _due(data, start + len(_BUNDLE))
    while at < end:
        size = _SIZE.unpack_from(data, at)[0]  # 4 bytes are there: everything is a multiple of 4
        at += 4
        if not 0 < size <= end - at:
            raise OscRejected(f"a bundle element of size {size} with {end - at} bytes left")
        _element(data, at, at + size, depth + 1, due, packet)
        at += size


def _due(data: bytes, at: int) -> float:
    """Return the time of a time tag, s since 1970; 0.0 for the tag "at once" and for all before 1970."""
    seconds, fraction = _TIME.unpack_from(data, at)
    return max(0.0, float(seconds - _UNIX) + fraction / 2**32)


def _raw_address(data: bytes, start: int, end: int) -> bytes:
    """Return the bytes in the place of an address, at most as many as one may have and one more."""
    return data[start : min(end, start + 130)].partition(b"\0")[0]


def _message(data: bytes, start: int, end: int) -> Message:
    raw, at = _string(data, start, end)
    if not ADDRESS.fullmatch(raw):
        raise OscRejected("an address outside a-z 0-9 _ / . + - blank and a last ?, or longer than 128 bytes")
    address = raw.decode("ascii")
    if at == end:  # some old senders leave the type tags out when there are no arguments
        return address, []
    tags, at = _string(data, at, end)
    if not tags.startswith(b","):
        raise OscRejected("no type tags")
    if len(tags) - 1 > MAX_ARGUMENTS:
        raise OscRejected(f"more than {MAX_ARGUMENTS} arguments")
    arguments: list[Argument] = []
    for tag in _flat(tags[1:]):
        value, at = _argument(data, at, end, tag)
        arguments.append(value)
    if at != end:
        raise OscRejected(f"{end - at} bytes after the last argument")
    return address, arguments


def _flat(tags: bytes) -> bytes:
    """Return the type tags without the brackets of arrays, which have no bytes among the arguments."""
    if b"[" not in tags and b"]" not in tags:
        return tags
    depth = 0
    for tag in tags:
        depth += (tag == ord("[")) - (tag == ord("]"))
        if depth < 0:
            break
    if depth:
        raise OscRejected("argument types with a bracket that has no other")
    return tags.replace(b"[", b"").replace(b"]", b"")


def _argument(data: bytes, at: int, end: int, tag: int) -> tuple[Argument, int]:
    if tag in _NUMBERS:
        number = _NUMBERS[tag]
        if at + number.size > end:
            raise OscRejected("an argument is cut short")
        value = number.unpack_from(data, at)[0]
        if not math.isfinite(value):
            raise OscRejected("a number that is not finite")
        if tag == _FLOAT:  # the decimal that was meant, so that a fader's 0.1 does not exceed a range that ends at 0.1
            value = float(f"{value:.7g}")
        return value, at + number.size
    if tag in _CONSTANTS:
        return _CONSTANTS[tag], at
    if tag in _TEXT:
        raw, at = _string(data, at, end)
        try:
            return raw.decode("utf-8"), at
        except UnicodeDecodeError:
            raise OscRejected("text that is not UTF-8") from None
    if tag == ord("b"):
        return _blob(data, at, end)
    raise OscRejected(f"argument type {chr(tag)!r} is not one of i h f d s S b T F N I")


def _string(data: bytes, at: int, end: int) -> tuple[bytes, int]:
    """Return the bytes up to the NUL, and where the next field starts."""
    stop = data.find(b"\0", at, end)
    if stop < 0:
        raise OscRejected("text without an end")
    return data[at:stop], stop + 4 - (stop - at) % 4


def _blob(data: bytes, at: int, end: int) -> tuple[bytes, int]:
    if at + 4 > end:
        raise OscRejected("an argument is cut short")
    size = _SIZE.unpack_from(data, at)[0]
    at += 4
    if not 0 <= size <= end - at:
        raise OscRejected(f"a blob of size {size} with {end - at} bytes left")
    return data[at : at + size], at + size + -size % 4

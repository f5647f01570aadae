"""F20: what the guard lets in and keeps out."""

import struct
import time
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pythonosc.osc_bundle_builder import IMMEDIATELY, OscBundleBuilder
from pythonosc.osc_message_builder import OscMessageBuilder

from livemusviz.control.osc_guard import MAX_DATAGRAM, OscRejected, read_packet, validate

FUTURE = b"\xff" * 8
AT_ONCE = b"\0" * 7 + b"\1"


def message(address: str, *arguments: tuple[object, str]) -> bytes:
    """Built by python-osc, so that the guard is checked against another's idea of OSC."""
    builder = OscMessageBuilder(address)
    for value, tag in arguments:
        builder.add_arg(value, tag)
    return builder.build().dgram


def bundle(*elements: bytes, tag: bytes = AT_ONCE) -> bytes:
    return b"#bundle\0" + tag + b"".join(struct.pack(">i", len(element)) + element for element in elements)


def nested(depth: int) -> bytes:
    inner = message("/seed", (1, "i"))
    for _ in range(depth):
        inner = bundle(inner)
    return inner


GOOD = {
    "no arguments": (message("/tap"), [("/tap", [])]),
    "no type tags": (b"/tap\0\0\0\0", [("/tap", [])]),
    "every type": (
        message(
            "/a.b-c_1/2", (1, "i"), (2**40, "h"), (0.5, "f"), (0.1, "d"), ("tü", "s"), (b"abcde", "b"), (True, "T"),
            (False, "F"), (None, "N"), (-7, "i"),
        ),
        [("/a.b-c_1/2", [1, 2**40, 0.5, 0.1, "tü", b"abcde", True, False, None, -7])],
    ),
    "a float as it was meant": (message("/fade", (0.1, "f")), [("/fade", [0.1])]),
    "60 KB of text": (message("/prompt_list", ("x" * 60_000, "s")), [("/prompt_list", ["x" * 60_000])]),
    "over 8192 bytes": (message("/prompt", ("y" * 8200, "s")), [("/prompt", ["y" * 8200])]),
    "a bundle for the future": (bundle(message("/seed", (3, "i")), tag=FUTURE), [("/seed", [3])]),
    "four bundles deep": (nested(4), [("/seed", [1])]),
    "an empty bundle": (bundle(), []),
    "64 messages": (bundle(*[message("/seed", (n, "i")) for n in range(64)]), [("/seed", [n]) for n in range(64)]),
    "300 messages": (bundle(*[message("/seed", (n, "i")) for n in range(300)]), [("/seed", [n]) for n in range(300)]),
    "a symbol and an impulse": (b"/prompt\0,SI\0sea\0", [("/prompt", ["sea", None])]),
    "arrays": (b"/t_list\0,[ii]i\0\0" + struct.pack(">iii", 1, 2, 3), [("/t_list", [1, 2, 3])]),
    "blanks and a plus": (message("/fx/my blur+/size", (2, "i")), [("/fx/my blur+/size", [2])]),
}  # fmt: skip


@pytest.mark.parametrize("name", GOOD)
def test_good_datagrams_are_read(name: str) -> None:
    datagram, messages = GOOD[name]
    assert validate(datagram) == messages


def test_a_bundle_built_by_python_osc_is_read_in_order() -> None:
    builder = OscBundleBuilder(IMMEDIATELY)
    for value in (1, 2, 3):
        one = OscMessageBuilder("/seed")
        one.add_arg(value)
        builder.add_content(one.build())
    assert validate(builder.build().dgram) == [("/seed", [n]) for n in (1, 2, 3)]


STARS = b"/" + b"*" * 24 + b"\0\0\0,\0\0\0"
BAD = {
    "empty": (b"", "0 bytes"),
    "not a multiple of four": (b"/tap\0", "fours"),
    "size -4": (b"#bundle\0" + AT_ONCE + struct.pack(">i", -4), "size -4"),
    "size 0": (b"#bundle\0" + AT_ONCE + struct.pack(">i", 0), "size 0"),
    "size beyond the end": (b"#bundle\0" + AT_ONCE + struct.pack(">i", 2**31 - 1), "size 2147483647"),
    "size not in fours": (b"#bundle\0" + AT_ONCE + struct.pack(">i", 6) + b"/tap\0\0\0\0", "fours"),
    "24 stars": (STARS, "address"),
    "pattern": (message("/{prompt,seed}"), "address"),
    "capitals": (message("/Prompt"), "address"),
    "newline at the end": (message("/tap\n"), "address"),
    "a long address": (message("/" + "a" * 128), "address"),
    "five bundles deep": (nested(5), "nested deeper"),
    "9000 bundles deep": (nested(0)[:0] + b"#bundle\0" * 8000, "size"),
    "3000 real bundles deep": (nested(3000), "nested deeper"),
    "1025 messages": (bundle(*[message("/tap")] * 1025), "more than 1024 messages"),
    "too long": (b"/" + b"\0" * (MAX_DATAGRAM + 2), "at most"),
    "bad UTF-8": (b"/prompt\0,s\0\0\xff\xfe\xfa\0", "UTF-8"),
    "text without an end": (b"/prompt\0,s\0\0abcd", "without an end"),
    "an address without an end": (b"/prompt/", "without an end"),
    "no comma": (b"/seed\0\0\0i\0\0\0\0\0\0\1", "type tags"),
    "cut short": (b"/seed\0\0\0,i\0\0", "cut short"),
    "a blob longer than the datagram": (b"/seed\0\0\0,b\0\0\x7f\xff\xff\xff", "blob"),
    "a blob of negative size": (b"/seed\0\0\0,b\0\0\xff\xff\xff\xff", "blob"),
    "an unknown type": (b"/seed\0\0\0,r\0\0\0\0\0\0", "argument type 'r'"),
    "an open array": (b"/seed\0\0\0,[[\0", "argument type"),
    "arrays the wrong way round": (b"/seed\0\0\0,][\0", "argument type"),
    "NaN": (message("/gain", (float("nan"), "f")), "finite"),
    "infinite": (message("/gain", (float("inf"), "d")), "finite"),
    "left-overs": (message("/seed", (1, "i")) + b"\0\0\0\0", "after the last"),
    "too many arguments": (b"/a\0\0," + b"T" * 67 + b"\0" * 4, "more than 64 arguments"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_datagrams_are_rejected_with_a_reason(name: str) -> None:
    datagram, reason = BAD[name]
    with pytest.raises(OscRejected, match=reason):
        validate(datagram)


SPOILT = {
    "r": (b"/seed\0\0\0,r\0\0\1\2\3\4", "/seed", "argument type 'r'"),
    "c": (b"/seed\0\0\0,c\0\0\0\0\0x", "/seed", "argument type 'c'"),
    "m": (b"/seed\0\0\0,m\0\0\0\x90\1\1", "/seed", "argument type 'm'"),
    "[": (b"/seed\0\0\0,[i\0\0\0\0\1", "/seed", "argument type"),
    "NaN": (message("/gain", (float("nan"), "f")), "/gain", "not finite"),
    "pattern": (message("/{a,b}", (1, "i")), "", "an address outside"),
    "bad UTF-8": (b"/prompt\0,s\0\0\xff\xfe\xfa\0", "/prompt", "UTF-8"),
}


@pytest.mark.parametrize("name", SPOILT)
def test_a_message_that_cannot_be_read_spoils_itself_alone(name: str) -> None:
    spoilt, address, reason = SPOILT[name]
    packet = read_packet(bundle(message("/seed", (1, "i")), spoilt, bundle(message("/fade", (2.0, "f")), spoilt)))
    assert packet.messages == [("/seed", [1]), ("/fade", [2.0])]
    assert [(where, reason in why) for where, why in packet.refused] == [(address, True)] * 2


@pytest.mark.parametrize("address", ["/Gain", "/fx/*/size", "/{a,b}", "/gain#1"])
def test_an_address_that_no_show_has_is_told_apart_from_noise(address: str) -> None:
    packet = read_packet(bundle(message("/seed", (1, "i")), message(address, (1, "i"))))
    assert packet.foreign == [address] and packet.messages == [("/seed", [1])]
    for noise in (b"Gain\0\0\0\0", b"/\x01\x02\0", "/größe".encode() + bytes(4), b"/" + b"A" * 200 + b"\0\0\0"):
        assert read_packet(noise).foreign == []


def test_time_tags_are_told_as_seconds_since_1970() -> None:
    tag = struct.pack(">II", 2_208_988_800 + 1_700_000_000, 1 << 30)
    inner = bundle(message("/tap"), tag=tag)
    assert read_packet(bundle(message("/tap"), inner, message("/tap"))).due == [0.0, 1_700_000_000.25, 0.0]
    assert read_packet(message("/tap")).due == [0.0]


def survives(datagram: bytes) -> None:
    try:
        for address, arguments in validate(datagram):
            assert address.startswith("/") and len(address) <= 128 and len(arguments) <= 64
    except OscRejected as rejected:
        assert str(rejected)


@settings(max_examples=1000, deadline=None)
@given(st.binary(max_size=400))
def test_random_bytes_do_nothing(datagram: bytes) -> None:
    survives(datagram)


@settings(max_examples=500, deadline=None)
@given(st.binary(max_size=200))
def test_random_bytes_in_a_bundle_do_nothing(body: bytes) -> None:
    survives(bundle(body + b"\0" * (-len(body) % 4)))


@settings(max_examples=1500, deadline=None)
@given(st.sampled_from([datagram for datagram, _ in GOOD.values() if len(datagram) < 5000]), st.data())
def test_flipped_bits_do_nothing(datagram: bytes, data: st.DataObject) -> None:
    flipped = bytearray(datagram)
    for bit in data.draw(st.lists(st.integers(0, len(datagram) * 8 - 1), min_size=1, max_size=4)):
        flipped[bit // 8] ^= 1 << bit % 8
    survives(bytes(flipped))


def test_the_worst_datagram_costs_milliseconds_and_no_memory() -> None:
    worst = [
        bundle(*[message("/tap")] * 64, *[bundle()] * 3000),
        b"#bundle\0" * (MAX_DATAGRAM // 8),
        b"/a\0\0," + b"T" * 60_000 + b"\0" * 3,
        STARS * 1000,
        message("/prompt", ("ü" * 30_000, "s")),
    ]
    for datagram in worst:
        survives(datagram)
    tracemalloc.start()
    began = time.thread_time()
    for datagram in worst * 20:
        survives(datagram)
    each = (time.thread_time() - began) / (len(worst) * 20)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert each < 0.02 and peak < 2_000_000

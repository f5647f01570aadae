"""Host, Origin and token: who may talk to the web servers."""

import socket

import pytest

from livemusviz.control.web.gate import host_allowed, origin_allowed, token_allowed


@pytest.mark.parametrize(
    "host", ["127.0.0.1:7080", "localhost", "LOCALHOST:7080", "[::1]:7080", "192.168.1.20:7080", socket.gethostname()]
)
def test_this_machine_is_served(host: str) -> None:
    assert host_allowed(host)


@pytest.mark.parametrize(
    "host",
    ["", "evil.example", "evil.example:7080", "127.0.0.1.evil.example", "localhost.evil.example", "a b", "[", "]:1",
     "\0", "x" * 300, "127.0.0.1@evil.example", "[::1].evil.example"],
)  # fmt: skip
def test_other_names_are_not(host: str) -> None:
    assert not host_allowed(host)


def test_only_our_own_page_is_an_origin() -> None:
    assert origin_allowed(None, "127.0.0.1:7080")
    assert origin_allowed("http://127.0.0.1:7080", "127.0.0.1:7080")
    for origin in ("http://evil.example", "null", "http://127.0.0.1:8000", "http://127.0.0.1:70800", ""):
        assert not origin_allowed(origin, "127.0.0.1:7080")


def test_the_token_is_the_whole_token() -> None:
    assert token_allowed("/?token=abc", "abc") and token_allowed("/page.js?x=1&token=abc", "abc")
    for target in ("/", "/?token=", "/?token=ab", "/?token=abcd", "/?Token=abc", "/?token=%ff%fe", "/?token=é"):
        assert not token_allowed(target, "abc")

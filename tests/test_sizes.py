"""Sizes, addresses and the order in which presets are found."""

from pathlib import Path

import pytest

from livemusviz import assets, sizes
from livemusviz.control.options import parse_address
from livemusviz.errors import UserError


def test_sizes() -> None:
    assert sizes.parse_size("256") == (256, 256)
    assert sizes.parse_size(" 640X352 ") == (640, 352)
    assert sizes.parse_size("1280x720", sizes.CANVAS_LIMITS, step=2) == (1280, 720)


@pytest.mark.parametrize(
    "text", ["", "x", "0", "-256", "256x", "x256", "256x256x3", "1e3", "²56", "9" * 40, "33", "32"]
)
def test_bad_sizes(text: str) -> None:
    with pytest.raises(UserError, match="size") as caught:
        sizes.parse_size(text)
    assert "\n" not in str(caught.value)


def test_addresses() -> None:
    assert parse_address("10.0.0.2:9000") == ("10.0.0.2", 9000)
    for text in ("", "localhost", ":7000", "a:b", "a:0", "a:65536"):
        with pytest.raises(UserError, match="HOST:PORT"):
            parse_address(text)


def test_a_users_preset_shadows_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    own = tmp_path / "livemusviz" / "presets"
    own.mkdir(parents=True)
    (own / "lava.toml").write_text('version = 1\n[params]\nprompt = "my lava"\n')
    (own / "mine.toml").write_text('version = 1\n[params]\nprompt = "mine"\n')
    assert assets.load_preset("lava").values["prompt"] == "my lava"
    assert assets.load_preset("mine").values["prompt"] == "mine"
    assert "deep-sea" in assets.find_presets()


def test_an_unreadable_preset_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "livemusviz" / "presets" / "folder.toml").mkdir(parents=True)
    with pytest.raises(UserError, match="preset 'folder'"):
        assets.load_preset("folder")

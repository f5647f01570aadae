import time

import pytest

from livemusviz.config import find_presets, load_preset
from livemusviz.director.presets import MAX_BYTES, parse_preset
from livemusviz.errors import UserError


@pytest.mark.parametrize("name", sorted(find_presets()))
def test_shipped_presets_are_good(name: str) -> None:
    preset = load_preset(name)
    assert preset.values["prompt"] and preset.description


def test_there_are_presets_to_choose_from() -> None:
    assert len(find_presets()) >= 3


LADDER = {
    "empty": (b"", "version must be 1"),
    "binary": (bytes(range(256)), "not TOML"),
    "not toml": (b"version = = 1", "not TOML"),
    "old version": (b"version = 0", "version must be 1, not 0"),
    "unknown key": (b"version = 1\nparam = 2", "did you mean 'params'"),
    "unknown parameter": (b"version = 1\n[params]\nfad = 2", "did you mean 'fade'"),
    "wrong type": (b"version = 1\n[params]\nfade = 'x'", "fade: 'x' is not a number"),
    "out of range": (b"version = 1\n[params]\nfade = 99", "outside 0..60"),
    "not a table": (b"version = 1\nparams = 3", "a table"),
    "not for presets": (b"version = 1\n[params]\nblackout = true", "not for presets"),
    "dates": (b"version = 1\n[params]\nfade = 2020-01-01", "not a number"),
    "too long": (b"#" * (MAX_BYTES + 1), "at most 32768"),
    "dotted bomb": (b"a" + b".a" * 15_000 + b" = 1", "too many dots"),
    "deep array": (b"a = " + b"[" * 15_000, "too many dots or brackets"),
}


@pytest.mark.parametrize("case", LADDER)
def test_bad_presets_are_one_clear_line_at_once(case: str) -> None:
    data, says = LADDER[case]
    started = time.perf_counter()
    with pytest.raises(UserError, match=says) as caught:
        parse_preset("mine", data)
    assert time.perf_counter() - started < 1.0
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 300 and "mine" in str(caught.value)


def test_preset_is_looked_up_by_name_only() -> None:
    for name in ("../../etc/passwd", "/etc/passwd", "", "nonesuch"):
        with pytest.raises(UserError, match="no preset"):
            load_preset(name)

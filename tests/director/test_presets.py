from pathlib import Path

import pytest

from livemusviz.assets import find_presets, find_shaders, load_playlist, load_preset, read_headers, save_preset
from livemusviz.director.mapping import Drive
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
    "400 digits": (b"version = 1\n[params]\nseed = 1" + b"0" * 400, "params.seed: a whole number of 401 digits"),
    "5000 digits": (b"version = 1\n[params]\nfade = " + b"9" * 5000, "fade: a whole number of thousands of digits"),
    "hexadecimal": (b"version = 1\n[fx.grade]\nx = [1, 0x" + b"f" * 9000 + b"]", r"fx.grade.x\[1\]: a whole number"),
    "infinite": (b"version = 1\n[params]\nfade = inf", "fade: inf is outside 0..60"),
    "half a character": (b'version = 1\n[params]\nprompt = "\xed\xa0\x80"', "not TOML"),
    "deep array": (b"a = " + b"[" * 15_000, "too many dots or brackets"),
}


def test_a_byte_order_mark_is_no_part_of_a_preset() -> None:
    """Windows' editors write one."""
    assert parse_preset("mine", b"\xef\xbb\xbfversion = 1\n[params]\nfade = 3", {}).values == {"fade": 3.0}


def test_preset_is_looked_up_by_name_only() -> None:
    for name in ("../../etc/passwd", "/etc/passwd", "", "nonesuch"):
        with pytest.raises(UserError, match="no preset"):
            load_preset(name)


FLAT = """
version = 1
transition = "morph"
idle = "drift"
chain = ["feedback", "grade"]
[params]
prompt = "x"
[drive]
walk_speed = {source = "bass", low = 0.05, high = 0.3}
[fx.grade]
saturation = 1.5
exposure = {source = "onset", low = 0.0, high = 0.5}
lights = [1, 0.9, 0.8, 1]
[fx.mirror]
MODE = 1
"""
SHADERS = read_headers(find_shaders())[0]


def test_a_look_is_read() -> None:
    look = parse_preset("mine", FLAT.encode(), SHADERS).look
    assert (look.chain, look.transition, look.idle) == (("feedback", "grade"), "morph", "drift")
    assert look.inputs["grade"]["saturation"] == 1.5 and look.inputs["grade"]["lights"] == (1.0, 0.9, 0.8, 1.0)
    assert look.inputs["mirror"]["mode"] == 1
    drive = look.inputs["grade"]["exposure"]
    assert isinstance(drive, Drive) and (drive.source, drive.high, drive.maximum) == ("onset", 0.5, 2.0)
    assert look.params["walk_speed"].low == 0.05


BAD_LOOKS = {
    "unknown shader": ('chain = ["feedbak"]', "chain: no shader 'feedbak'; did you mean 'feedback'"),
    "a transition in the chain": ('chain = ["morph"]', "'morph' is a transition, not a filter"),
    "a filter as idle scene": ('idle = "grade"', "'grade' is a filter, not a generator"),
    "twice": ('chain = ["grade", "grade"]', "each of them once"),
    "chain of numbers": ("chain = [1]", "a list of shaders' names"),
    "idle of a number": ("idle = 1", "'idle' must be a shader's name"),
    "unknown input": ("[fx.grade]\nsaturashion = 1", "fx/grade: no input 'saturashion'; did you mean 'saturation'"),
    "unknown fx": ("[fx.grad]\nx = 1", "no shader 'grad'; did you mean 'grade'"),
    "out of range": ("[fx.grade]\nsaturation = 9", "fx.grade.saturation: 9 is outside 0..3"),
    "wrong type": ('[fx.grade]\nsaturation = "x"', "is not a number"),
    "three of four": ("[fx.grade]\nlights = [1, 1, 1]", "give 4 numbers"),
    "no choice": ("[fx.mirror]\nmode = 7", "outside 0..2"),
    "no switch": ("[fx.pixelsort]\nvertical = 3", "is not 0 or 1"),
    "a driven colour": ('[fx.grade]\nlights = {source = "bass"}', "a color cannot be driven"),
    "bad source": ('[fx.grade]\nhue = {source = "base"}', "fx.grade.hue: no source 'base'; did you mean 'bass'"),
    "bad drive": ("[drive]\nwalk_speed = 3", "drive.walk_speed: give a table"),
    "unknown drive": ('[drive]\nwalk_sped = {source = "bass"}', "no parameter 'walk_sped'; did you mean 'walk_speed'"),
    "undrivable": ('[drive]\nprompt = {source = "bass"}', "prompt cannot be driven"),
    "fx of numbers": ("[fx]\ngrade = 3", "'grade' must be a table"),
}


@pytest.mark.parametrize("case", BAD_LOOKS)
def test_bad_looks_are_one_clear_line(case: str) -> None:
    text, says = BAD_LOOKS[case]
    with pytest.raises(UserError, match="^preset 'mine': ") as caught:
        parse_preset("mine", f"version = 1\n{text}\n".encode(), SHADERS)
    assert says in str(caught.value) and "\n" not in str(caught.value)


def test_shipped_presets_differ() -> None:
    presets = [load_preset(name, SHADERS) for name in find_presets()]
    assert len(presets) >= 12
    assert len({preset.values["prompt"] for preset in presets}) == len(presets)
    assert len({preset.look.chain for preset in presets}) == len(presets)


def test_saving_keeps_comments_and_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    own = tmp_path / "livemusviz" / "presets"
    own.mkdir(parents=True)
    (own / "mine.toml").write_text(
        '# for the second song\nversion = 1\nchain = ["grade"]  # no feedback here\n\n[params]\n'
        'prompt = "x"   # shout\nfade = 2.0\n\n[fx.grade]\n# warm\nsaturation = 1.5\n'
    )
    path = save_preset(
        "copy", "mine", {"prompt": "y", "fade": 2.0, "seed": 7}, {"grade": {"contrast": 1.2}, "mirror": {"mode": 1}}
    )
    text = path.read_text()
    for kept in ("# for the second song", "# no feedback here", "# shout", "# warm", "fade = 2.0\n"):
        assert kept in text
    saved = load_preset("copy", SHADERS)
    assert (saved.values["prompt"], saved.values["seed"]) == ("y", 7)
    assert saved.look.inputs["grade"] == {"saturation": 1.5, "contrast": 1.2} and saved.look.inputs["mirror"] == {
        "mode": 1
    }
    assert 'prompt = "x"' in (own / "mine.toml").read_text(), "the old one is as it was"


def test_saving_from_nothing_and_to_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    save_preset("new", "", {"prompt": "z"}, {})
    assert load_preset("new", SHADERS).values == {"prompt": "z"}
    for name in ("", "../x", "a b", "x" * 65):
        with pytest.raises(UserError, match="preset name"):
            save_preset(name, "", {}, {})


def test_a_playlist_file(tmp_path: Path) -> None:
    path = tmp_path / "set.toml"
    path.write_text('play = ["lava", {preset = "ink", seconds = 40}]')
    assert [(entry.preset, entry.seconds) for entry in load_playlist(path)] == [("lava", 0.0), ("ink", 40.0)]
    path.write_text('play = ["lafa"]')
    with pytest.raises(UserError, match="no preset 'lafa'; did you mean 'lava'"):
        load_playlist(path)
    path.write_text(f'play = [{{preset = "ink", seconds = 1{"0" * 400}}}]')
    with pytest.raises(UserError, match=r"set.toml: play\[0\].seconds: a whole number of 401 digits"):
        load_playlist(path)
    path.write_text('play = ["lava"]', encoding="utf-8-sig")
    assert load_playlist(path)[0].preset == "lava"
    with pytest.raises(UserError, match="No such file"):
        load_playlist(tmp_path / "gone.toml")

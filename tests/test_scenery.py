"""The stage with its files: presets loaded, stepped through, saved; what stays when one is bad."""

import os
from pathlib import Path

import pytest

from livemusviz.assets import find_presets
from livemusviz.bridge.control import ControlEvent
from livemusviz.bridge.features import AudioFeatures
from livemusviz.errors import UserError
from livemusviz.params.registry import REGISTRY
from livemusviz.params.values import ParamValues
from livemusviz.resources import our_shaders
from livemusviz.scenery import Scenery


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    folder = tmp_path / "livemusviz" / "presets"
    folder.mkdir(parents=True)
    return folder


def event(name: str, value: object = "") -> ControlEvent:
    return ControlEvent(name, value, 0.0)  # type: ignore[arg-type]


def test_a_preset_brings_its_values_and_its_chain(home: Path) -> None:
    scenery = Scenery(ParamValues())
    values = scenery.apply(event("preset", "ink"), ParamValues())
    assert values is not None and values.params.prompt == "black ink in water" and values.params.preset == "ink"
    scene, driven = scenery.move(0.1, AudioFeatures.rest(0.1), values)
    assert [each.shader for each in scene.chain] == ["liquid", "grade", "pixelsort"] and driven is values


def test_a_bad_preset_changes_nothing(home: Path) -> None:
    (home / "bad.toml").write_text("version = 1\n[params]\nfadee = 1\n")
    scenery = Scenery(ParamValues().with_value("preset", "lava"))
    before = scenery.stage.chain
    with pytest.raises(UserError, match="did you mean 'fade'"):
        scenery.apply(event("preset", "bad"), ParamValues())
    assert scenery.stage.chain == before and scenery.player.current == "lava"
    assert "feedback" in scenery.to_come()


def test_stepping_goes_past_a_bad_one(home: Path) -> None:
    (home / "aaa.toml").write_text("version = 7\n")
    scenery, values = Scenery(ParamValues()), ParamValues()
    with pytest.raises(UserError, match="preset 'aaa'"):
        scenery.apply(event("next"), values)
    after = scenery.apply(event("next"), values)
    assert after is not None and after.params.preset == list(find_presets())[1]


def test_a_preset_is_chosen_by_the_number_of_its_entry(home: Path, tmp_path: Path) -> None:
    playlist = tmp_path / "set.toml"
    playlist.write_text('version = 1\nplay = ["ink", "lava", "ink"]\n')
    scenery, values = Scenery(ParamValues(), playlist=playlist), ParamValues()
    values = scenery.apply(event("preset", "#2"), values) or values
    assert values.params.preset == "lava"
    with pytest.raises(UserError, match="preset 4: there are 3"):
        scenery.apply(event("preset", "#4"), values)
    values = scenery.apply(event("next"), values) or values
    assert values.params.preset == "ink"


BAD_PRESETS = {
    "digits": b"version = 1\n[params]\nseed = 1" + b"0" * 400,
    "more": b"version = 1\n[params]\nseed = " + b"9" * 5000,
    "binary": bytes(range(256)),
    "pipe": None,
}
BAD_SHADERS = {
    "digits": '/*{"INPUTS": [{"NAME": "a", "TYPE": "point2D", "DEFAULT": 1%s}]}*/' % ("0" * 400),
    "more": '/*{"PASSES": [{"WIDTH": %s}]}*/' % ("9" * 5000),
    "drive": '/*{"INPUTS": [{"NAME": "a", "TYPE": "float", "DRIVE": {"source": "nothing"}}]}*/',
    "feedback": '/*{"INPUTS": [{"NAME": "a", "TYPE": "float", "DRIVE": "x"}]}*/',
}


def test_a_users_bad_files_are_told_and_left_out(home: Path, caplog: pytest.LogCaptureFixture) -> None:
    """One sentence each; a good shader of ours is not shadowed by a bad one of its name."""
    for name, data in BAD_PRESETS.items():
        (home / f"{name}.toml").write_bytes(data) if data is not None else os.mkfifo(home / f"{name}.toml")
    (home / os.fsdecode(b"caf\xe9.toml")).write_text("version = 1\n")
    folder = home.parent / "shaders"
    folder.mkdir()
    for name, text in BAD_SHADERS.items():
        (folder / f"{name}.fs").write_text(text)
    (folder / os.fsdecode(b"caf\xe9.fs")).write_text("/*{}*/")
    scenery = Scenery(ParamValues())
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == len(BAD_SHADERS) and all("\n" not in line and len(line) < 400 for line in told)
    assert scenery.paths["feedback"] == our_shaders()["feedback"] and scenery.stage.chain == ("feedback",)
    caplog.clear()
    assert "feedback" in scenery.to_come()
    assert len(caplog.records) == len(BAD_PRESETS) - 1
    assert not [name for name in (*find_presets(), *scenery.paths) if name == "pipe" or name.startswith("caf")]


def test_what_drives_the_engine(home: Path) -> None:
    (home / "mine.toml").write_text('version = 1\n[drive]\nwalk_speed = {source = "bass", low = 0.1, high = 0.5}\n')
    scenery, values = Scenery(ParamValues()), ParamValues()
    values = scenery.apply(event("preset", "mine"), values) or values
    _, driven = scenery.move(1.0, AudioFeatures(time=1.0, bass=1.0), values)
    assert driven.params.walk_speed == 0.5 and values.params.walk_speed == ParamValues().params.walk_speed


def test_saving_what_was_set_by_hand(home: Path) -> None:
    scenery = Scenery(ParamValues().with_value("preset", "lava"))
    values = scenery.load("lava", ParamValues()).with_value("seed", 99)
    scenery.apply(event("fx/grade/contrast", 2.0), values)
    scenery.apply(event("preset_save", "mine"), values)
    again = Scenery(ParamValues())
    loaded = again.load("mine", ParamValues())
    assert loaded.params.prompt == "glowing red lava" and loaded.params.seed == 99
    scene, _ = again.move(0.1, AudioFeatures.rest(0.1), loaded)
    assert dict(next(each for each in scene.chain if each.shader == "grade").inputs)["contrast"] == 2.0


def test_the_autopilot(home: Path, tmp_path: Path) -> None:
    playlist = tmp_path / "set.toml"
    playlist.write_text('play = [{preset = "lava", seconds = 10}, "ink"]')
    scenery = Scenery(ParamValues().with_value("preset", "lava"), playlist=playlist)
    assert scenery.due(0.0, ParamValues()) is None
    assert scenery.due(11.0, ParamValues().with_value("lock", True)) is None
    assert scenery.due(11.0, ParamValues()) == "ink"


def test_what_is_none_of_the_stages(home: Path) -> None:
    assert Scenery(ParamValues()).apply(event("prompt", "x"), ParamValues()) is None


def test_inputs_of_shaders_are_parameters_like_any_other(home: Path) -> None:
    scenery = Scenery(ParamValues())
    registry = REGISTRY.plus(scenery.params())
    values = ParamValues().within(registry)
    assert values.values["fx/grade/contrast"] == 1.1 and "/fx/grade/contrast" in registry.by_address
    values = scenery.apply(event("fx/grade/contrast", 2.5), values) or values
    assert values.values["fx/grade/contrast"] == 2.5
    values = scenery.apply(event("preset", "ink"), values) or values
    assert values.values["fx/grade/contrast"] == 1.5, "as the preset has it"
    with pytest.raises(UserError, match="outside 0..3"):
        scenery.apply(event("fx/grade/contrast", 9.0), values)

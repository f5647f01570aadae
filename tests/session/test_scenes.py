"""Presets from files, put on by a session: loaded, stepped through, saved; what stays when one is bad."""

import os
from pathlib import Path

import pytest

from livemusviz.assets import find_content, find_presets, write_preset
from livemusviz.bridge.control import ControlEvent
from livemusviz.bridge.features import AudioFeatures
from livemusviz.params.values import ParamValues
from livemusviz.resources import our_shaders
from livemusviz.session.session import Session
from livemusviz.session.step import SavePreset, Step


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    folder = tmp_path / "livemusviz" / "presets"
    folder.mkdir(parents=True)
    return folder


class Played(Session):
    """A session that is asked for one thing a step, a tenth of a second apart."""

    def __init__(self, playlist: Path | None = None, **values: object) -> None:
        super().__init__(find_content(playlist=playlist)[0], ParamValues().with_values(values))
        self.time = 0.0

    def ask(self, name: str, value: object = "", **features: float) -> Step:
        self.time += 0.1
        event = ControlEvent(name, value, self.time)  # type: ignore[arg-type]
        return self.step(self.time, AudioFeatures(time=self.time, **features), events=[event])  # type: ignore[arg-type]


def test_a_preset_brings_its_values_and_its_chain(home: Path) -> None:
    played = Played()
    step = played.ask("preset", "ink")
    assert step.values.params.prompt == "black ink in water" and step.values.params.preset == "ink"
    assert [each.shader for each in step.view.scene.chain] == ["isolines", "liquid", "feedback"]
    assert step.params == step.values.params


def test_a_bad_preset_changes_nothing(home: Path) -> None:
    (home / "bad.toml").write_text("version = 1\n[params]\nfadee = 1\n")
    played = Played(preset="lava")
    before, values = played.scenes.stage.chain, played.values
    (error,) = played.ask("preset", "bad").errors
    assert "did you mean 'fade'" in error and played.values == values
    assert played.scenes.stage.chain == before and played.scenes.player.current == "lava"
    needed, problems = find_content()[0].needed_shaders()
    assert "feedback" in needed and [error] == list(problems)


def test_stepping_goes_past_a_bad_one(home: Path) -> None:
    (home / "aaa.toml").write_text("version = 7\n")
    played = Played()
    assert "preset 'aaa'" in played.ask("next").errors[0]
    assert played.ask("next").values.params.preset == list(find_presets())[1]


def test_a_preset_is_chosen_by_the_number_of_its_entry(home: Path, tmp_path: Path) -> None:
    playlist = tmp_path / "set.toml"
    playlist.write_text('version = 1\nplay = ["ink", "lava", "ink"]\n')
    played = Played(playlist)
    assert played.ask("preset", "#2").values.params.preset == "lava"
    assert played.ask("preset", "#4").errors == ("preset 4: there are 3",)
    assert played.ask("next").values.params.preset == "ink"


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
    content, paths = find_content()
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == len(BAD_SHADERS) and all("\n" not in line and len(line) < 400 for line in told)
    session = Session(content, ParamValues())
    assert paths["feedback"] == our_shaders()["feedback"] and session.scenes.stage.chain == ("feedback",)
    needed, problems = content.needed_shaders()
    assert "feedback" in needed
    assert len(problems) == len(BAD_PRESETS) - 1
    assert not [name for name in (*find_presets(), *paths) if name == "pipe" or name.startswith("caf")]


def test_what_drives_the_engine(home: Path) -> None:
    (home / "mine.toml").write_text('version = 1\n[drive]\nwalk_speed = {source = "bass", low = 0.1, high = 0.5}\n')
    step = Played().ask("preset", "mine", bass=1.0)
    assert step.params.walk_speed == 0.5 and step.values.params.walk_speed == ParamValues().params.walk_speed


def test_saving_what_was_set_by_hand(home: Path) -> None:
    played = Played(preset="lava")
    played.ask("preset", "lava")
    played.ask("seed", 99)
    played.ask("fx/grade/contrast", 2.0)
    (request,) = played.ask("preset_save", "mine").requests
    assert isinstance(request, SavePreset) and write_preset(request) == home / "mine.toml"
    loaded = Played().ask("preset", "mine")
    assert loaded.values.params.prompt == "glowing red lava" and loaded.values.params.seed == 99
    assert dict(next(each for each in loaded.view.scene.chain if each.shader == "grade").inputs)["contrast"] == 2.0


def test_the_autopilot(home: Path, tmp_path: Path) -> None:
    playlist = tmp_path / "set.toml"
    playlist.write_text('play = [{preset = "lava", seconds = 10}, "ink"]')
    played = Played(playlist, preset="lava", lock=True)
    assert played.play(0.0, AudioFeatures.rest(0.0)).values.params.preset == "lava"
    assert played.play(11.0, AudioFeatures.rest(11.0)).values.params.preset == "lava"
    played.apply({"lock": False})
    assert played.play(11.0, AudioFeatures.rest(11.0)).values.params.preset == "ink"


def test_a_parameter_leaves_the_scene_alone(home: Path) -> None:
    played = Played()
    before = played.play(0.1, AudioFeatures.rest(0.1)).view.scene
    assert played.ask("prompt", "x").view.scene == before and played.values.params.prompt == "x"


def test_inputs_of_shaders_are_parameters_like_any_other(home: Path) -> None:
    played = Played()
    registry = played.values.registry
    assert played.values.values["fx/grade/contrast"] == 1.1 and "/fx/grade/contrast" in registry.by_address
    assert played.ask("fx/grade/contrast", 2.5).values.values["fx/grade/contrast"] == 2.5
    assert played.ask("preset", "nebula").values.values["fx/grade/contrast"] == 1.4, "as the preset has it"
    assert "outside 0..3" in played.ask("fx/grade/contrast", 9.0).errors[0]
    assert played.values.values["fx/grade/contrast"] == 1.4

"""The stage of the whole show: shaders broken and presets spoilt while it runs."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from demo.measure import bad_pictures, read_film
from livemusviz import resources
from tests.drum_loop import RATE, drum_loop
from tests.system.shows import LiveShow

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(shutil.which("oscsend") is None, reason="liblo-tools is not installed"),
]


@pytest.fixture
def shows() -> Iterator[list[LiveShow]]:
    running: list[LiveShow] = []
    yield running
    for show in running:
        show.kill()


def test_a_broken_shader_and_a_bad_preset_during_a_show(tmp_path: Path, shows: list[LiveShow]) -> None:
    """Both are told in a line, and the canvas goes on."""
    sound, _ = drum_loop(8)
    soundfile.write(tmp_path / "drums.wav", np.asarray(sound), RATE)
    shaders, presets = tmp_path / "shaders", tmp_path / "config" / "livemusviz" / "presets"
    shaders.mkdir()
    presets.mkdir(parents=True)
    mine = shaders / "mine.fs"
    mine.write_text((resources.folder("shaders") / "grade.fs").read_text())
    (presets / "good.toml").write_text('version = 1\nchain = ["mine"]\n[params]\nprompt = "red lava"\n')
    (presets / "bad.toml").write_text('version = 1\nchain = ["mine"]\n[params]\nprompt = "blue"\nfadee = 2.0\n')
    words = ["--input", str(tmp_path / "drums.wav"), "--preset", "good", "--shaders", str(shaders), "--duration", "60"]
    words += ["--record", str(tmp_path / "set.mp4")]
    show = LiveShow(tmp_path, *words, env={"XDG_CONFIG_HOME": str(tmp_path / "config")})
    shows.append(show)
    show.wait_until_drawing()
    time.sleep(1.0)
    edited = tmp_path / "edited"
    edited.write_text("/*{}*/\n\nvoid main() { nonsense }\n")
    os.utime(edited, (0, mine.stat().st_mtime + 10))
    edited.replace(mine)
    show.wait_for(lambda: "mine.fs:3:" in show.log(), "the complaint about the shader")
    show.osc("/preset", "s", "bad")
    show.wait_for(lambda: "ERROR livemusviz.show: preset 'bad'" in show.log(), "the complaint about the preset")
    show.osc("/preset", "s", "lava")
    show.osc("/next")
    time.sleep(2.0)
    show.end()
    stats = show.stats()
    assert stats["display_errors"] == 0 and "fadee" in stats["error"]
    film = read_film(show.recording)
    assert film.seconds > 3.0 and bad_pictures(film) == 0

"""Every parser of files, given thousands of damaged ones: each is accepted, or refused by one line, and soon."""

from __future__ import annotations

import argparse
import io
import struct
import wave
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from livemusviz.assets import usable_shaders
from livemusviz.cli import live
from livemusviz.cli.gig import read_gig
from livemusviz.cli.parser import Parser
from livemusviz.director.cuefile import parse_cues, place_cues
from livemusviz.director.playlist import parse_playlist
from livemusviz.director.presets import parse_preset, read_document
from livemusviz.director.stage import Stage, check_drives, fx_params
from livemusviz.errors import UserError
from livemusviz.isf.header import decode, parse_isf
from livemusviz.params.registry import REGISTRY
from livemusviz.params.values import ParamValues
from livemusviz.sources.still import read_still
from tests.mutations.mutate import FEW, MANY, Case, check

REPOSITORY = Path(__file__).parents[2]


def shipped(pattern: str) -> list[bytes]:
    return [path.read_bytes() for path in sorted(REPOSITORY.glob(pattern))]


def read_isf(path: Path) -> None:
    header = parse_isf(decode(path.read_bytes()))
    check_drives(header)
    Stage({**SHADERS, "x": header})
    ParamValues.of(REGISTRY.plus(fx_params({"x": header})))


SHADERS = usable_shaders()[1]
ISF = b"""/*{"DESCRIPTION": "x", "ISFVSN": "2", "CATEGORIES": ["a"], "INPUTS": [
{"NAME": "amount", "TYPE": "float", "MIN": 0.0, "MAX": 2.5, "DEFAULT": 1, "DRIVE": {"source": "bass", "low": 0.5}},
{"NAME": "kind", "TYPE": "long", "VALUES": [0, 1, 2], "LABELS": ["a", "b", "c"], "DEFAULT": 1},
{"NAME": "tint", "TYPE": "color", "DEFAULT": [1, 0.5, 0, 1]}, {"NAME": "at", "TYPE": "point2D", "MAX": [1, 2]},
{"NAME": "sound", "TYPE": "audioFFT", "MAX": 64}], "PASSES": [
{"TARGET": "buffer", "WIDTH": "floor($WIDTH/4.0)", "HEIGHT": 90, "PERSISTENT": true, "FLOAT": 1}, {}]}*/
void main() { gl_FragColor = vec4(amount); }
"""
MIDI = b"""version = 1
[[bind]]
message = "cc"
channel = 1
number = 7
address = "/gain"
minimum = 0.0
maximum = 2.0
mode = "fader"

[[bind]]
message = "note"
channel = 16
number = 127
address = "/freeze"
mode = "toggle"
"""
PLAYLIST = b'play = ["lava", {preset = "ink", seconds = 40}, {preset = "a", seconds = 1.5}]\n'
CUES = b"""version = 1
[[cue]]
time = "1:04.5"
prompt = "red lava"
fade = 4.0
[[cue]]
bar = 33.5
preset = "lava"
walk_speed = 0.3
"fx/grade/contrast" = 1.2
prompt_list = [["a", 1.0], ["b", 0.5]]
[[cue]]
time = 12
seed = 7
t_list = [1, 2, 49]
freeze = true
"""
LOG = b"""{"livemusviz":1,"recording":"set.mp4","rate":48000,"canvas":[128,64],"values":{"prompt":"x","seed":3}}
{"sample":0,"latents":[16,16]}
{"sample":34000,"walk":[1.234, 0.5]}
{"sample":48000,"values":{"prompt":"red lava","fade":2.0,"fx/grade/contrast":1.0}}
{"sample":96000,"walk":[1.5, 0.25]}
{"sample":480000,"end":true}
"""


def read_midi(path: Path) -> None:
    from livemusviz.control.midi.mapping import Key, load_map, save

    found = load_map(path)
    for binding in found.bindings:
        for value in (0, 64, 127):
            found.events(Key(binding.key.message, binding.key.channel, binding.key.number), value, {}, 0.0)
    save(path.with_suffix(".again"), found)


def read_log_again(path: Path) -> None:
    from livemusviz.render.replay import load_replay

    path.with_name("set.mp4").touch()
    replay = load_replay(path, None)
    stage = Stage(SHADERS)
    for change in replay.changes:
        for name, value in change.values.items():
            if name.startswith("fx/"):
                try:
                    stage.set_input(*name.split("/")[1:], value)  # type: ignore[arg-type]
                except UserError:
                    continue
    if replay.walk:
        assert np.isfinite(replay.walk.at(1.0)).all()
    if replay.latents:
        assert max(replay.latents) * 3 < 1 << 12


def sounds() -> list[bytes]:
    """A WAV file of each of the usual kinds, a quarter of a second."""
    files = []
    for channels, width in ((1, 2), (2, 2), (2, 3), (6, 2)):
        written = io.BytesIO()
        with wave.open(written, "wb") as file:
            file.setnchannels(channels)
            file.setsampwidth(width)
            file.setframerate(48000)
            file.writeframes(np.random.default_rng(0).bytes(12000 // 8 * channels * width))
        files.append(written.getvalue())
    floats = np.zeros(3000, np.float32).tobytes()
    form = struct.pack("<HHIIHH", 3, 1, 44100, 44100 * 4, 4, 32)
    files.append(
        b"RIFF" + struct.pack("<I", 36 + len(floats)) + b"WAVEfmt " + struct.pack("<I", 16) + form + b"data"
        + struct.pack("<I", len(floats)) + floats
    )  # fmt: skip
    return files


def read_sound(path: Path) -> None:
    from itertools import islice

    from livemusviz.audio.file import hops
    from livemusviz.audio.track import TrackReader, probe

    refused: list[UserError] = []
    for reader in (lambda: hops(path), lambda: TrackReader(probe(path)).blocks()):
        try:
            for block in islice(reader(), 200):
                assert np.asarray(block).dtype == np.float32
        except UserError as error:
            refused.append(error)
    if refused:
        raise refused[0]


GIG = b"""# for the club
input = "beat.wav"
screen = 2
fullscreen = true
no-loop = true
operator = false
canvas = "640x360"
size = "256x128"
shaders = ["."]
osc-out = ["127.0.0.1:9000", "[::1]:9001"]
osc-port = 7001
web = "127.0.0.1:7080"
midi = "off"
record = "set.mp4"
gain = 2.5
seed = 7
steps = 2
timesteps = "800"
fps = 30
engine-niceness = 5
prompt = "red lava \\u00e9"
prompt-list = [["lava", 0.5], ["ink", 0.5]]
duration = 60
"""


@cache
def live_parser() -> argparse.ArgumentParser:
    parser = Parser(prog="livemusviz live")
    live.add_arguments(parser)
    return parser


def read_gig_file(path: Path) -> None:
    """Read a gig file up to the checked options of a show."""
    live.show_config(live_parser().parse_args(read_gig(path, live_parser())))


def read_cues(path: Path) -> None:
    place_cues(parse_cues("c", path.read_bytes(), lambda name: {"seed": 1}), [float(i) for i in range(40)])


PINS = b"""{"Beamer": {"corners": [[0.0, 0.1], [0.9, 0.0], [1.0, 1.0], [0.0, 1.0]], "edges": [0.0, 0.1, 0.0, 0.25],
"turn": 90}, "DP-1": {"corners": null, "edges": [0, 0, 0, 0], "turn": 0}}"""


def read_pins(path: Path) -> None:
    from livemusviz.display.maps import read_maps

    for each in read_maps(path).values():
        assert np.isfinite([*each.edges, *np.ravel(each.corners or 0.0)]).all()


def film_state() -> bytes:
    """A state of `render --resume`, with a picture in it."""
    written = io.BytesIO()
    settings = np.frombuffer(b'{"--size": "(64, 64)"}', np.uint8)
    np.savez(written, meta=settings, canvas=np.zeros((8, 8, 4), np.uint8))
    return written.getvalue()


def read_state(path: Path) -> None:
    from livemusviz.render.resume import load_state

    load_state(path)


def pictures() -> list[bytes]:
    """A small picture of each of the usual kinds."""
    pixels, files = np.random.default_rng(0).integers(0, 255, (24, 32, 3), dtype=np.uint8), []
    for kind, mode in {"PNG": "RGBA", "JPEG": "CMYK", "GIF": "P", "WEBP": "RGB", "TIFF": "RGB", "BMP": "L"}.items():
        written = io.BytesIO()
        Image.fromarray(pixels).convert(mode).save(written, kind)
        files.append(written.getvalue())
    return files


CASES = {
    "ISF": Case([ISF, *shipped("shaders/*.fs")[:6]], read_isf, ".fs"),
    "preset": Case(shipped("presets/*.toml"), lambda path: parse_preset("p", path.read_bytes(), SHADERS), ".toml"),
    "playlist": Case(
        [PLAYLIST], lambda path: parse_playlist("p", read_document("p", path.read_bytes()).get("play")), ".toml"
    ),
    "cue file": Case([CUES], read_cues, ".toml"),
    "gig file": Case([GIG], read_gig_file, ".toml"),
    "MIDI map": Case([MIDI], read_midi, ".toml"),
    "show log": Case([LOG], read_log_again, ".jsonl"),
    "pins": Case([PINS], read_pins, ".json"),
    "film's state": Case([film_state()], read_state, ".npz"),
    "picture": Case(pictures(), lambda path: read_still(path, (32, 32)), ".png"),
    "WAV header": Case(sounds(), read_sound, ".wav"),
}


@pytest.mark.parametrize("name", CASES)
def test_damaged_files(name: str, tmp_path: Path) -> None:
    check(CASES[name], tmp_path, FEW)


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_many_damaged_files(name: str, tmp_path: Path) -> None:
    check(CASES[name], tmp_path, MANY)

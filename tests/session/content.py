"""Content of a session without a file: a few shaders and presets."""

import json

from livemusviz.director.playlist import Entry
from livemusviz.director.presets import parse_preset
from livemusviz.isf.header import Header, parse_isf
from livemusviz.session.content import Content

FADER = {"NAME": "amount", "TYPE": "float", "DEFAULT": 0.5, "MIN": 0.0, "MAX": 1.0}
IMAGE = {"NAME": "inputImage", "TYPE": "image"}
PRESETS = {
    "calm": 'chain = ["feedback"]\n[params]\nprompt = "a calm sea"\nfade = 1.0\n',
    "storm": 'chain = ["feedback", "grade"]\n[params]\nprompt = "a storm"\n'
    '[drive]\nwalk_speed = {source = "bass", low = 0.1, high = 0.5}\n'
    '[fx.grade]\namount = {source = "level", low = 0.0, high = 1.0}\n',
}


def shader(*inputs: dict[str, object]) -> Header:
    return parse_isf(f"/*{json.dumps({'ISFVSN': '2', 'INPUTS': inputs})}*/\nvoid main() {{}}")


SHADERS = {
    "silk": shader(FADER),
    "crossfade": shader(
        {"NAME": "startImage", "TYPE": "image"}, {"NAME": "endImage", "TYPE": "image"},
        {"NAME": "progress", "TYPE": "float"},
    ),
    "feedback": shader(IMAGE, FADER | {"NAME": "zoom"}, FADER | {"NAME": "pulse"}),
    "grade": shader(IMAGE, FADER),
}  # fmt: skip


def small_content() -> Content:
    """Four shaders, two presets."""
    return Content(
        shaders=SHADERS,
        entries=tuple(Entry(name) for name in PRESETS),
        load=lambda name: parse_preset(name, f"version = 1\n{PRESETS[name]}".encode(), SHADERS),
        built_in=frozenset(SHADERS),
    )

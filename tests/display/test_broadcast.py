"""Every preset and every shader at its worst settings, filmed and judged by EA IRIS (its Python port).

All inputs that nothing drives are at their maximum, the sound is a drum loop of 60 to 200 bpm, bright and dark pictures
take turns, and a shader written for it strobes from 1 to 30 Hz: white over the picture, red over black, red on blue.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.stage import extract
from livemusviz.assets import load_preset, read_headers
from livemusviz.bridge.frames import Frame
from livemusviz.bridge.sound import HOP, SAMPLE_RATE
from livemusviz.bridge.view import View
from livemusviz.director import stage as looks
from livemusviz.director.mapping import Drive
from livemusviz.director.stage import Look
from livemusviz.display.compositor import Compositor
from livemusviz.isf.header import IMAGE_TYPES
from livemusviz.resources import folder, our_shaders
from tests import iris
from tests.drum_loop import drum_loop

from .conftest import colourful

FPS, SIZE = 60, (128, 72)
STROBE = "strobe_test"
SHADERS = our_shaders() | {STROBE: Path(__file__).parent / "shaders" / f"{STROBE}.fs"}
HEADERS = read_headers(SHADERS)[0]
PRESETS = sorted(path.stem for path in folder("presets").glob("*.toml"))
SUBJECTS = [*(f"preset {name}" for name in PRESETS), *(f"shader {name}" for name in our_shaders())]

FAST, SLOW = ((8.0, 1.1), (15.0, 1.1), (30.0, 1.1), (5.0, 1.2)), ((1.0, 1.0), (3.0, 1.2), (2.5, 5.5))  # Hz for s
CLEAR, BLACK, WHITE, RED, BLUE = (0, 0, 0, 0), (0, 0, 0, 1), (1, 1, 1, 1), (1, 0, 0, 1), (0, 0, 1, 1)
STROBES = {  # colours of the strobe, its rates, bpm
    "white": (WHITE, CLEAR, (*FAST, *SLOW), 60.0),
    "red": (RED, BLACK, (*SLOW, *FAST), 120.0),
    "red and blue": (RED, BLUE, (*SLOW[::-1], *FAST), 200.0),
}


@pytest.fixture(scope="session")
def features():
    """Causal features of a drum loop at each tempo, one for every frame of a film."""
    found = {}
    for bpm in (60.0, 120.0, 200.0):
        heard = extract(drum_loop(bars=round(14.0 * bpm / 240.0) + 1, bpm=bpm)[0])
        found[bpm] = [heard[min(int(i * SAMPLE_RATE / HOP / FPS), len(heard) - 1)] for i in range(13 * FPS)]
    return found


def worst_look(subject):
    """The look of a preset, or of one shader alone, with every input that nothing drives at its maximum."""
    kind, name = subject.split(" ", 1)
    if kind == "preset":
        look = load_preset(name, HEADERS).look
    elif HEADERS[name].kind == "filter":
        look = Look(chain=(name,))
    else:
        look = Look(chain=(), **{"transition" if HEADERS[name].kind == "transition" else "idle": name})
    inputs = {}
    for shader in (*(look.chain or ()), look.transition, look.idle):
        if shader is not None:
            given = look.inputs.get(shader, {})
            numbers = [each for each in HEADERS[shader].inputs if each.type not in IMAGE_TYPES]
            at_most = {each.name: each.maximum for each in numbers if each.type == "float" and each.drive is None}
            inputs[shader] = at_most | {key: value for key, value in given.items() if isinstance(value, Drive)}
    return Look(look.chain, look.transition, look.idle, inputs, look.params)


def with_strobe(look, on, off, first):
    chain = (STROBE, *(look.chain or ())) if first else (*(look.chain or ()), STROBE)
    return Look(chain, look.transition, look.idle, {**look.inputs, STROBE: {"on": on, "off": off}}, look.params)


def rates(plan):
    return [hertz for hertz, seconds in plan for _ in range(round(seconds * FPS))]


def film(ctx, look, heard, limit, hertz=None, pictures=True):
    """Canvases, uint8 (H, W, 3), one for each of `hertz`, or of `heard`. pictures : show some, else the idle scene."""
    compositor, stage = Compositor(ctx, SIZE, SHADERS), looks.Stage(HEADERS)
    stage.load(look)
    bright, dark = colourful(0.0), colourful(2.0) // 4
    dark[..., 3] = 255
    for i in range(len(heard if hertz is None else hertz)):
        if hertz is not None:
            stage.set_input(STROBE, "hertz", hertz[i])
        if pictures and i % 20 == 0:
            compositor.show(Frame(bright if i % 40 == 0 else dark, i, i / FPS, i / FPS, 0.05), i / FPS)
        scene, _ = stage.step(1.0 / FPS, heard[i])
        compositor.draw(i / FPS, View(scene=scene, flash_limit="broadcast" if limit else "off"))
        yield compositor.read()[..., :3]


def fails(canvases):
    """Return True if EA IRIS finds a flash failure or an extended failure, of luminance or of red."""
    detector = iris.watch(canvases, FPS, SIZE[::-1])
    return detector.flash_fail or detector.extended_failure


@pytest.mark.parametrize("subject", ["preset warehouse", "shader trails"])
def test_a_sample_passes_with_the_limiter_alone(ctx, features, subject):
    look, hertz = with_strobe(worst_look(subject), WHITE, CLEAR, first=False), rates(((8.0, 1.1), (2.5, 5.0)))
    assert fails(film(ctx, look, features[120.0], False, hertz)), "or there is nothing to hold"
    assert not fails(film(ctx, look, features[120.0], True, hertz))


@pytest.mark.slow
@pytest.mark.parametrize("strobe", STROBES)
@pytest.mark.parametrize("subject", SUBJECTS)
def test_a_strobe_over_anything_passes_with_the_limiter_alone(ctx, features, subject, strobe):
    on, off, plan, bpm = STROBES[strobe]
    look, heard = with_strobe(worst_look(subject), on, off, first=False), features[bpm]
    assert fails(film(ctx, look, heard, False, rates(plan))), "or there is nothing to hold"
    assert not fails(film(ctx, look, heard, True, rates(plan)))


@pytest.mark.slow
@pytest.mark.parametrize("subject", SUBJECTS)
def test_a_strobe_below_anything_passes_with_the_limiter(ctx, features, subject):
    on, off, plan, bpm = STROBES["red and blue"]
    look = with_strobe(worst_look(subject), on, off, first=True)
    assert not fails(film(ctx, look, features[bpm], True, rates(plan)))


@pytest.mark.slow
@pytest.mark.parametrize("bpm", [60.0, 120.0, 200.0])
@pytest.mark.parametrize("subject", SUBJECTS)
def test_anything_alone_passes_with_the_limiter(ctx, features, subject, bpm):
    pictures = subject.split()[-1] not in HEADERS or HEADERS[subject.split()[-1]].kind != "generator"
    assert not fails(film(ctx, worst_look(subject), features[bpm][: 8 * FPS], True, pictures=pictures))

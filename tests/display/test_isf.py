"""A ladder of ISF files, one a feature, compiled and judged by their pixels."""

import json
import os
from datetime import datetime

import numpy as np
import pytest
from PIL import Image

from livemusviz.bridge.view import Effect
from livemusviz.cli import main
from livemusviz.display import isf
from livemusviz.display.chain import Slot
from livemusviz.display.compositor import Compositor
from livemusviz.display.isf import Instant, IsfShader
from livemusviz.display.layers import Layer, drop
from livemusviz.display.plain import mesh
from livemusviz.display.sound import SoundTextures
from livemusviz.errors import UserError
from livemusviz.isf import glsl
from livemusviz.resources import our_shaders

SIZE = (16, 8)
IMAGE = '"INPUTS": [{"NAME": "inputImage", "TYPE": "image"}]'


class Bench:
    """Writes a file, compiles it, draws it."""

    def __init__(self, ctx, folder):
        self.ctx, self.folder = ctx, folder
        buffer = ctx.buffer(mesh(1, 1).tobytes())
        self.array = lambda program, cells: ctx.vertex_array(program, [(buffer, "2f", "isf_corner")])
        self.picture = ctx.texture(
            (2, 2), 4, bytes([255, 0, 0, 255, 0, 255, 0, 255, 0, 0, 255, 255, 255, 255, 255, 255])
        )
        self.picture.filter = (ctx.NEAREST, ctx.NEAREST)
        self.buffers = {}

    def shader(self, header, body, vertex=None):
        path = self.folder / "test.fs"
        path.write_text(f"/*{{{header}}}*/\n{body}")
        if vertex is not None:
            path.with_suffix(".vs").write_text(vertex)
        return IsfShader(self.ctx, path, self.array)

    def draw(self, shader, values=None, frame=0, images=None, date=None, size=SIZE):
        """One frame; float RGBA 0..1, row 0 at the bottom."""
        layer = Layer(self.ctx, size)
        instant = Instant(frame / 10.0, 0.1, frame, date)
        given = {"inputImage": self.picture} if images is None else images
        result = shader.draw(layer, instant, values or {}, given, self.buffers)
        pixels = np.frombuffer(result.target.read(components=4), np.uint8).reshape(result.size[1], result.size[0], 4)
        return pixels / 255.0

    def color(self, header, body, values=None, **more):
        """The colour in the middle."""
        return self.draw(self.shader(header, body), values, **more)[4, 8].round(2).tolist()


@pytest.fixture
def bench(ctx, tmp_path):
    bench = Bench(ctx, tmp_path)
    yield bench
    drop(bench.buffers)


def main_of(expression):
    return f"void main() {{ gl_FragColor = {expression}; }}"


INPUTS = {
    "float": ('{"NAME": "x", "TYPE": "float", "DEFAULT": 0.25}', "vec4(x)", {}, 0.25),
    "float set": ('{"NAME": "x", "TYPE": "float", "DEFAULT": 0.25}', "vec4(x)", {"x": 0.75}, 0.75),
    "bool": ('{"NAME": "x", "TYPE": "bool", "DEFAULT": true}', "vec4(x ? 1.0 : 0.0)", {}, 1.0),
    "event": ('{"NAME": "x", "TYPE": "event"}', "vec4(x ? 1.0 : 0.0)", {"x": True}, 1.0),
    "long": ('{"NAME": "x", "TYPE": "long", "VALUES": [1, 2], "DEFAULT": 2}', "vec4(x == 2 ? 1.0 : 0.0)", {}, 1.0),
    "point2D": ('{"NAME": "x", "TYPE": "point2D", "DEFAULT": [0.5, 1.0]}', "vec4(x.x * x.y)", {}, 0.5),
    "color": ('{"NAME": "x", "TYPE": "color", "DEFAULT": [1, 0.5, 0, 1]}', "vec4(x.g)", {}, 0.5),
    "of another shape": ('{"NAME": "x", "TYPE": "float", "DEFAULT": 0.25}', "vec4(x)", {"x": (1.0, 2.0)}, 0.25),
    "a kept word": ('{"NAME": "filter", "TYPE": "float", "DEFAULT": 0.5}', "vec4(filter)", {}, 0.5),
    "a function's name": ('{"NAME": "mix", "TYPE": "float", "DEFAULT": 0.5}', "mix(vec4(0), vec4(1), mix)", {}, 0.5),
    "no image": ('{"NAME": "x", "TYPE": "image"}', "IMG_THIS_PIXEL(x)", {}, 0.0),
}


@pytest.mark.parametrize("case", INPUTS)
def test_inputs(bench, case):
    declared, expression, values, expected = INPUTS[case]
    assert bench.color(f'"INPUTS": [{declared}]', main_of(expression), values)[0] == pytest.approx(expected, abs=0.01)


MACROS = {
    "IMG_THIS_PIXEL": "IMG_THIS_PIXEL(inputImage)",
    "IMG_THIS_NORM_PIXEL": "IMG_THIS_NORM_PIXEL(inputImage)",
    "IMG_NORM_PIXEL": "IMG_NORM_PIXEL(inputImage, vec2(0.75, 0.75))",
    "IMG_PIXEL": "IMG_PIXEL(inputImage, vec2(1.5, 1.5))",
    "IMG_SIZE": "vec4(IMG_SIZE(inputImage) / 2.0, 1.0, 1.0)",
    "_imgSize": "vec4(_inputImage_imgSize / 2.0, _inputImage_imgRect.z / 2.0, 1.0)",
    "texture2D": "texture2D(inputImage, vec2(0.75))",
    "texture2DRect": "texture2DRect(inputImage, vec2(1.5))",
    "RENDERSIZE": "vec4(RENDERSIZE.x == 16.0 && RENDERSIZE.y == 8.0)",
    "gl_FragCoord": "vec4(all(equal(floor(gl_FragCoord.xy), floor(isf_FragNormCoord * RENDERSIZE))))",
    "vv_FragNormCoord": "vec4(vv_FragNormCoord == isf_FragNormCoord)",
    "TIME": "vec4(abs(TIME - 0.3) < 0.001)",
    "TIMEDELTA": "vec4(abs(TIMEDELTA - 0.1) < 0.001)",
    "FRAMEINDEX": "vec4(FRAMEINDEX == 3)",
    "PASSINDEX": "vec4(PASSINDEX == 0)",
    "DATE": "vec4(DATE == vec4(2026.0, 11.0, 26.0, 3723.0))",
}


@pytest.mark.parametrize("name", MACROS)
def test_macros_and_variables(bench, name):
    date = datetime(2026, 11, 26, 1, 2, 3)
    found = bench.draw(bench.shader(IMAGE, main_of(MACROS[name])), frame=3, date=date)
    assert found[6, 12].tolist() == [1.0, 1.0, 1.0, 1.0]


def test_pictures_stand_upright(bench):
    found = bench.draw(bench.shader(IMAGE, main_of("IMG_THIS_PIXEL(inputImage)")))
    assert found[1, 1, :3].tolist() == [1.0, 0.0, 0.0] and found[6, 1, :3].tolist() == [0.0, 0.0, 1.0]


OLD_GLSL = {
    "its own round": "float round(float x) { return floor(x + 0.5); }\n" + main_of("vec4(round(0.7))"),
    "its own texture": "vec4 texture(vec2 p) { return IMG_NORM_PIXEL(inputImage, p); }\n"
    + main_of("texture(vec2(0.9))"),
    "a global from an input": "vec2 size = RENDERSIZE / 2.0;\n" + main_of("vec4(size.x / 8.0)"),
    "words GLSL took later": "void main() { float sample = 0.5, smooth = 0.5; gl_FragColor = vec4(sample + smooth); }",
    "partly written": "void main() { gl_FragColor.rgb = vec3(1.0); gl_FragColor.a = 1.0; }",
    "gl_FragData": "void main() { gl_FragData[0] = vec4(1.0); }",
    "version and extension": "#version 120\n#extension GL_ARB_foo : enable\n" + main_of("vec4(1.0)"),
    "precision": "#ifdef GL_ES\nprecision mediump float;\n#endif\n" + main_of("vec4(1.0)"),
    "old and new varyings": "#if __VERSION__ <= 120\nvarying vec2 a;\n#else\nin vec2 a;\n#endif\n"
    + main_of("vec4(a.x < 9.0)"),
    "a varying nobody writes": "varying vec2 here; varying mat2 m;\n" + main_of("vec4(here == isf_FragNormCoord)"),
    "declared again": "uniform sampler2D inputImage;\nuniform float TIME;\n" + main_of("vec4(1.0)"),
    "not ASCII": "// caf\u00e9 \u201cquoted\u201d\n" + main_of("vec4(1.0)"),
    "a loop over floats": "float f() { float t = 0.0; for (float i = 0.0; i < 4.0; ++i) t += 0.25; return t; }\n"
    + main_of("vec4(f())"),
}


@pytest.mark.parametrize("case", OLD_GLSL)
def test_glsl_as_it_is_written_out_there(bench, case):
    assert bench.color(IMAGE, OLD_GLSL[case]) == [1.0, 1.0, 1.0, 1.0]


def test_a_vertex_shader_and_its_varyings(bench):
    vertex = "varying vec2 moved[2];\nvoid main() { isf_vertShaderInit(); moved[1] = isf_FragNormCoord + x; }"
    header = '"INPUTS": [{"NAME": "x", "TYPE": "float", "DEFAULT": 0.25}]'
    shader = bench.shader(
        header, "varying vec2 moved[2];\n" + main_of("vec4(moved[1] - isf_FragNormCoord, 0.0, 1.0)"), vertex
    )
    assert bench.draw(shader)[4, 8].round(2).tolist() == [0.25, 0.25, 0.0, 1.0]


def test_passes_have_their_sizes_and_read_one_another(bench):
    header = IMAGE + ', "PASSES": [{"TARGET": "small", "WIDTH": "$WIDTH / 4.0", "HEIGHT": "floor($HEIGHT / 3.0)"}, {}]'
    body = """void main() {
        if (PASSINDEX == 0) gl_FragColor = vec4(RENDERSIZE.x / 8.0, RENDERSIZE.y / 8.0, 0.0, 1.0);
        else gl_FragColor = IMG_THIS_PIXEL(small);
    }"""
    assert bench.draw(bench.shader(header, body))[4, 8].round(2).tolist() == [0.5, 0.25, 0.0, 1.0]
    assert bench.buffers["small"].size == (4, 2)


def test_a_persistent_float_buffer_remembers_what_eight_bits_cannot(bench):
    header = '"PASSES": [{"TARGET": "sum", "PERSISTENT": true, "FLOAT": true, "WIDTH": 1, "HEIGHT": 1}, {}]'
    body = """void main() {
        if (PASSINDEX == 0) gl_FragColor = IMG_THIS_PIXEL(sum) + vec4(0.001);
        else gl_FragColor = IMG_THIS_PIXEL(sum) * 10.0;
    }"""
    shader = bench.shader(header, body)
    for frame in range(50):
        found = bench.draw(shader, frame=frame)
    assert found[4, 8, 0] == pytest.approx(0.5, abs=0.01)


def test_the_last_pass_may_have_a_target(bench):
    shader = bench.shader('"PASSES": [{"TARGET": "a", "PERSISTENT": true}]', main_of("IMG_THIS_PIXEL(a) + vec4(0.25)"))
    assert [bench.draw(shader, frame=i)[4, 8, 0].round(2) for i in range(3)] == [0.25, 0.5, 0.75]


def test_imported_pictures_come_from_the_shaders_folder(bench):
    Image.fromarray(np.array([[[255, 0, 0]], [[0, 0, 255]]], np.uint8)).save(bench.folder / "two.png")
    shader = bench.shader('"IMPORTED": {"two": {"PATH": "two.png"}}', main_of("IMG_THIS_PIXEL(two)"))
    found = bench.draw(shader)
    assert found[7, 0, :3].tolist() == [1.0, 0.0, 0.0], "the first row of a file is its top"


def test_sound_as_pictures(bench, ctx):
    sound = SoundTextures(ctx)
    tone = 0.5 * np.sin(2 * np.pi * 32 * np.arange(512) / 512).astype(np.float32)
    sound.update(np.stack([tone, 0 * tone], axis=1), 1.0)
    header = '"INPUTS": [{"NAME": "w", "TYPE": "audio"}, {"NAME": "s", "TYPE": "audioFFT"}]'
    images = {"w": sound.wave, "s": sound.spectrum}
    wave = bench.draw(bench.shader(header, main_of("IMG_THIS_PIXEL(w)")), images=images, size=(512, 2))
    assert wave[0, :, 0].max() == pytest.approx(0.75, abs=0.02) and wave[0, :, 0].min() == pytest.approx(0.25, abs=0.02)
    assert wave[1, :, 0] == pytest.approx(0.5, abs=0.01), "the other channel is silent"
    bins = bench.draw(bench.shader(header, main_of("IMG_THIS_PIXEL(s)")), images=images, size=(256, 2))[0, :, 0]
    assert bins.argmax() == 31 and bins[31] > 0.9 and bins[100] < 0.2


def test_a_complaint_points_into_the_file(bench):
    with pytest.raises(UserError, match=r"test\.fs:4: .*nonsense"):
        bench.shader("", "\n\nvoid main() { gl_FragColor = nonsense; }")
    with pytest.raises(UserError, match=r"test\.vs:2: .*nonsense"):
        bench.shader("", main_of("vec4(1.0)"), "\nvoid main() { gl_Position = nonsense; }")


def test_an_edited_vertex_shader_is_taken_over(bench):
    vertex = "varying vec2 a;\nvoid main() { isf_vertShaderInit(); a = vec2(%s); }"
    shader = bench.shader("", "varying vec2 a;\n" + main_of("vec4(a, a)"), vertex % "0.0")
    path = bench.folder / "test.vs"
    path.write_text(vertex % "1.0")
    os.utime(path, (0, path.stat().st_mtime + 10))
    assert shader.reload_if_edited()
    assert bench.draw(shader)[4, 8, 0] == 1.0


def test_shaders_check_says_pass_or_fail_and_why(tmp_path, capsys):
    (tmp_path / "good.fs").write_text("/*{}*/\n" + main_of("vec4(1.0)"))
    (tmp_path / "bad.fs").write_text("/*{}*/\nvoid main() { nonsense }")
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "headless.fs").write_text("void main() {}")
    assert main(["shaders", "check", str(tmp_path)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4 and lines[-1] == "1 of 3 pass"
    assert lines[0].startswith("fail") and "bad.fs:2:" in lines[0]
    assert "no ISF header" in lines[1] and lines[2].startswith("pass") and "(generator" in lines[2]
    (tmp_path / "good.fs").write_text('/*{"IMPORTED": {"a": {}}}*/\n' + main_of("IMG_THIS_PIXEL(a)"))
    assert main(["shaders", "check", str(tmp_path / "good.fs")]) == 0
    assert "'a' has no PATH; it is left blank" in capsys.readouterr().out.splitlines()[1]
    assert main(["shaders", "check", str(tmp_path / "good.fs"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["passed"] == 1


def test_a_folder_that_is_not_there(capsys):
    assert main(["shaders", "check", "/nonexistent"]) == 2
    assert "no such folder" in capsys.readouterr().err


def all_frames(ctx, name, frames=4):
    """The canvases of one of our shaders at work, uint8 (frames, H, W, 4)."""
    compositor = Compositor(ctx, (96, 54))
    slot = Slot(compositor.bank.get(name), compositor.bank)
    picture, into = Layer(ctx, (96, 54)), Layer(ctx, (96, 54))
    picture.texture.write(np.random.default_rng(4).integers(0, 255, (54, 96, 4), dtype=np.uint8).tobytes())
    found = []
    for _ in range(frames):
        drawn = slot.draw(into, 0.1, Effect(name, (("progress", 0.3),)), {"": picture.texture})
        found.append(np.frombuffer(drawn.texture.read(), np.uint8))
    return np.stack(found)


@pytest.mark.parametrize("name", sorted(our_shaders()))
def test_a_program_a_pass_and_sharp_copies_draw_the_same_pixels(ctx, name, monkeypatch):
    fast = all_frames(ctx, name)
    monkeypatch.setattr(isf, "MAX_PROGRAMS", 0)
    monkeypatch.setattr(glsl, "copied_samplers", lambda header, text: frozenset())
    assert np.array_equal(fast, all_frames(ctx, name))


def test_the_filter_is_off_only_where_a_texture_fits_the_target(bench):
    shader = bench.shader(IMAGE, "void main() { gl_FragColor = IMG_THIS_PIXEL(inputImage); }")
    bench.picture.filter = (bench.ctx.LINEAR, bench.ctx.LINEAR)
    assert bench.draw(shader, size=(2, 2))[0, 0].tolist() == [1.0, 0.0, 0.0, 1.0]
    assert len(np.unique(bench.draw(shader)[0, :, 0])) > 2, "two texels over sixteen pixels are blended"

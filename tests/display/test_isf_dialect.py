"""GLSL as public ISF files write it for other hosts: each kind draws, with the newest dialect and with the oldest."""

import numpy as np
import pytest
from PIL import Image

from livemusviz.display.isf import IsfShader
from livemusviz.errors import UserError
from livemusviz.isf import glsl

from .test_isf import IMAGE, Bench, main_of

ONE = main_of("vec4(1.0)")
IMPORTED = '"IMPORTED": {%s}'

# By the kind: GLSL that draws white.
DIALECT = {
    "an overload beside the built-in": "vec2 min(vec2 a, vec2 b, vec2 c) { return min(a, min(b, c)); }\n"
    + main_of("vec4(min(2.0, 1.0), min(vec2(9.0), vec2(3.0), vec2(1.0)), 1.0)"),
    "an overload of the same types": "vec2 max(vec2 a, vec2 b) { return vec2(1.0); }\n"
    + main_of("vec4(max(vec2(0.0), vec2(0.0)), max(vec3(1.0), 0.5).x, max(0, 1))"),
    "an overload with qualifiers": "float mod(in highp float a, const int b) { return a + float(b); }\n"
    + main_of("vec4(mod(0.0, 1), mod(3.5, 2.5), mod(vec2(3.0), 2.0))"),
    "an overload in a macro": "vec3 mix(vec3 a, vec3 b, int c) { return a; }\n#define BLEND(a, b) mix(a, b, 0.5)\n"
    + main_of("vec4(BLEND(vec2(0.0), vec2(2.0)), mix(vec3(1.0), vec3(0.0), 3).xy)"),
    "an overload that hides matrices": "mat2 inverse(mat2 m, float s) { return inverse(m) * s; }\n"
    + main_of("vec4(inverse(mat2(1.0), 1.0)[0][0], inverse(mat3(1.0))[1][1], 1.0, 1.0)"),
    "a swizzle is no call": "float fract(vec4 v) { return v.x; }\nstruct S { float fract; };\n"
    + main_of("vec4(S(1.0).fract, fract(1.5) * 2.0, fract(vec4(1.0)), 1.0)"),
    "a constant from a function": "float f(float x) { return x; }\nconst vec2 t = vec2(f(1.0));\n"
    + main_of("vec4(t, t)"),
    "a constant from an input": "\nconst float t = RENDERSIZE.x / 16.0, u = t;\nconst float v[2] = float[2](u, t);\n"
    + main_of("vec4(t, u, v[0], v[1])"),
    "a constant in a function": "float f(float x) { const float y = x * 2.0; return y; }\n" + main_of("vec4(f(0.5))"),
    "a constant from a macro": "#define WIDE RENDERSIZE.x\nconst float t = WIDE / 16.0;\n" + main_of("vec4(t)"),
    "constants that stay constant": "const int N = 2;\nconst int M = N * int(sqrt(4.0));\nfloat a[M];\n"
    "void main() { a[3] = 1.0; switch (2) { case N: gl_FragColor = vec4(a[3]); } }",
    "precision after other declarations": "float f() { return 1.0; }\nprecision highp float;\nprecision mediump int;\n"
    + main_of("vec4(f())"),
    "precision as a name": "float f(lowp float precision) { return precision; }\n" + main_of("vec4(f(1.0))"),
    "precision in the middle of a line": "uniform vec2 unused; precision highp float; mediump vec4 c = vec4(1.0);\n"
    + main_of("c"),
    "an int returned as a float": "float f(int i) {\n if (i > 1) { return 0; }\n return 1;\n}\n"
    + main_of("vec4(f(0))"),
    "a macro defined twice": "#define A 0.0\n#define A 1.0\n#define B(x) 0.0\n# define B(x) \\\n 1.0\n"
    + main_of("vec4(A, B(2), 1.0, 1.0)"),
    "a host's macro defined again": "#define texture2D(s, p) vec4(1.0)\n#define IMG_THIS_PIXEL(s) vec4(1.0)\n"
    + main_of("texture2D(inputImage, vec2(0.5)) * IMG_THIS_PIXEL(inputImage)"),
    "IMG_NORM_PIXEL with a bias": main_of("IMG_NORM_PIXEL(inputImage, vec2(0.75), 0.0)"),
    "IMG_PIXEL with a whole bias": main_of("IMG_PIXEL(inputImage, vec2(1.5), 1)"),
    "IMG_THIS_PIXEL with a bias": main_of("IMG_THIS_PIXEL(inputImage, 0.0) * 0.0 + 1.0"),
    "IMG_THIS_NORM_PIXEL with a bias": main_of("IMG_THIS_NORM_PIXEL(inputImage, 0.0) * 0.0 + 1.0"),
    "words of newer GLSL": "float sample(float patch) { float precise = patch; return precise; }\n"
    "float subroutine = 1.0, resource = 1.0;\n" + main_of("vec4(sample(1.0), subroutine, resource, 1.0)"),
}
# These need what only the newer dialect, or an extension, has.
NEWER = {
    "int less than uint": "bool f(int a, uint b) { return a < b; }\n" + main_of("vec4(f(1, 2u))"),
    "a uint from an int": "uint n = 3;\nvoid main() { uint m = 1; m += 2; gl_FragColor = vec4(n == m); }",
}


@pytest.fixture
def bench(ctx, tmp_path):
    return Bench(ctx, tmp_path)


@pytest.mark.parametrize("case", {**DIALECT, **NEWER})
def test_it_draws(bench, case):
    assert bench.color(IMAGE, {**DIALECT, **NEWER}[case]) == [1.0, 1.0, 1.0, 1.0]


@pytest.mark.parametrize("case", DIALECT)
def test_it_draws_where_there_is_neither_410_nor_an_extension(bench, case, monkeypatch):
    monkeypatch.setattr(glsl, "NEWEST", 9999)
    monkeypatch.setattr(glsl, "_EXTENSIONS", "")
    assert bench.color(IMAGE, DIALECT[case]) == [1.0, 1.0, 1.0, 1.0]


@pytest.mark.parametrize("case", DIALECT)
def test_lines_keep_their_numbers(bench, case):
    lines = DIALECT[case].count("\n") + 2
    with pytest.raises(UserError, match=rf"test\.fs:{lines + 1}: .*nonsense"):
        bench.shader(IMAGE, DIALECT[case] + "\nfloat z() { return nonsense; }")


@pytest.mark.parametrize(
    ("declared", "expression", "said"),
    [
        ('"pic": {}', "IMG_THIS_PIXEL(pic) + 1.0", "'pic' has no PATH"),
        ('"pic": {"PATH": "gone.png"}', "IMG_NORM_PIXEL(pic, vec2(0.5)) + 1.0", "gone.png': No such file"),
        ('"pic": {"PATH": "text.png"}', "texture2D(pic, vec2(0.5)) + 1.0", "text.png': not an image"),
        ('"sky": {"TYPE": "cube", "PATH": ["a.png"]}', "textureCube(sky, vec3(1.0)) + 1.0", "'sky': cube maps"),
        ('"sky": {"TYPE": "cube"}', "texture(sky, vec3(0.0, 1.0, 0.0)) + vec4(_sky_imgSize, 1, 1)", "'sky': cube maps"),
    ],
)
def test_a_picture_that_is_not_to_be_had_is_blank_and_told(bench, declared, expression, said):
    (bench.folder / "text.png").write_text("no picture")
    shader = bench.shader(IMPORTED % declared, main_of(expression))
    assert bench.draw(shader)[4, 8].tolist() == [1.0, 1.0, 1.0, 1.0]
    assert len(shader.problems) == 1 and said in shader.problems[0] and "left blank" in shader.problems[0]


def test_a_good_picture_beside_a_missing_one_is_there(bench):
    Image.fromarray(np.full((2, 2, 3), 255, np.uint8)).save(bench.folder / "good.png")
    header = IMPORTED % '"a": {"PATH": "good.png"}, "b": {"PATH": "gone.png"}'
    assert bench.color(header, main_of("IMG_THIS_PIXEL(a) + IMG_THIS_PIXEL(b)")) == [1.0, 1.0, 1.0, 1.0]


CORNERS = "varying vec2 at;\nvoid main() { at = vec2(gl_VertexID & 1, gl_VertexID >> 1);"


def test_a_vertex_shader_that_places_the_corners_itself(bench):
    shader = bench.shader(
        "",
        "varying vec2 at;\n" + main_of("vec4(at, 0.0, 1.0)"),
        CORNERS + " gl_Position = vec4(at * 2.0 - 1.0, 0.0, 1.0); }",
    )
    found = bench.draw(shader)
    assert found[0, 0, :2].round(1).tolist() == [0.0, 0.1] and found[7, 15, :2].round(1).tolist() == [1.0, 0.9]


def test_a_vertex_shader_that_places_nothing_is_one_sentence(bench):
    with pytest.raises(UserError, match=r"test\.vs: sets no gl_Position") as caught:
        bench.shader("", "varying vec2 at;\n" + main_of("vec4(at, 0.0, 1.0)"), CORNERS + " }")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("cell", "size"), [(0.0, (16, 8)), (4.0, (4, 8)), (1e-9, (8192, 8)), (-1.0, (1, 8))])
def test_a_size_is_held_whatever_a_knob_divides_it_by(bench, cell, size):
    header = '"INPUTS": [{"NAME": "cell", "TYPE": "float", "MIN": -1, "MAX": 9, "DEFAULT": 4}], "PASSES": [%s, {}]'
    target = '{"TARGET": "small", "WIDTH": "$WIDTH / $cell"}'
    body = "void main() { gl_FragColor = PASSINDEX == 0 ? vec4(1.0) : IMG_THIS_PIXEL(small); }"
    shader = bench.shader(header % target, body)
    for _ in range(2):
        assert bench.draw(shader, {"cell": cell})[4, 8].tolist() == [1.0, 1.0, 1.0, 1.0]
    assert bench.buffers["small"].size == size
    assert len(shader.problems) == (cell == 0.0), "told once"


def test_a_persistent_buffer_keeps_its_picture_when_the_canvas_changes_size(bench):
    header = '"PASSES": [{"TARGET": "kept", "PERSISTENT": true}, {"TARGET": "lost"}, {}]'
    body = """void main() {
        if (PASSINDEX < 2) gl_FragColor = FRAMEINDEX == 0 ? vec4(isf_FragNormCoord, 0.0, 1.0)
            : PASSINDEX == 0 ? IMG_THIS_PIXEL(kept) : IMG_THIS_PIXEL(lost);
        else gl_FragColor = vec4(IMG_THIS_PIXEL(kept).rg, IMG_THIS_PIXEL(lost).rg);
    }"""
    shader = bench.shader(header, body)
    before = bench.draw(shader, size=(32, 16))
    after = bench.draw(shader, size=(16, 8), frame=1)
    assert np.abs(after[..., :2] - before.reshape(8, 2, 16, 2, 4).mean((1, 3))[..., :2]).max() < 0.05
    assert after[..., 2:].max() == 0.0, "only a persistent one is promised its picture"


def test_whatever_drawing_raises_names_the_file(bench, monkeypatch):
    shader = bench.shader("", ONE)
    monkeypatch.setattr(IsfShader, "_draw_pass", lambda *given: 1 / 0)
    with pytest.raises(UserError, match=r"test\.fs: drawing it failed \(division by zero\)"):
        bench.draw(shader)

"""The JSON header of an ISF file and its size expressions: what is read, what is forgiven, what is refused."""

import pytest

from livemusviz.errors import UserError
from livemusviz.isf import glsl
from livemusviz.isf.expression import NoSize, evaluate
from livemusviz.isf.header import decode, parse_isf


def header(json: str):
    return parse_isf(f"/*{json}*/\nvoid main() {{}}")


def test_inputs_of_every_type():
    found = header(
        """{"INPUTS": [
        {"NAME": "e", "TYPE": "event"}, {"NAME": "b", "TYPE": "bool", "DEFAULT": 1.0},
        {"NAME": "l", "TYPE": "long", "VALUES": [3, 5, 9], "LABELS": ["x", "y", "z"], "DEFAULT": 5},
        {"NAME": "f", "TYPE": "float", "MIN": -2, "MAX": 4, "DEFAULT": 0.5},
        {"NAME": "p", "TYPE": "point2D", "DEFAULT": [0.25, 0.75]}, {"NAME": "c", "TYPE": "color"},
        {"NAME": "i", "TYPE": "image"}, {"NAME": "a", "TYPE": "audio", "MAX": 64},
        {"NAME": "s", "TYPE": "audioFFT"}]}"""
    )
    types = ["event", "bool", "long", "float", "point2D", "color", "image", "audio", "audioFFT"]
    assert [each.type for each in found.inputs] == types
    assert found.input("e").default is False and found.input("b").default is True
    assert (found.input("l").values, found.input("l").default, found.input("l").maximum) == ((3, 5, 9), 5, 9)
    assert (found.input("f").minimum, found.input("f").maximum, found.input("f").default) == (-2.0, 4.0, 0.5)
    assert found.input("p").default == (0.25, 0.75) and found.input("c").default == (1.0, 1.0, 1.0, 1.0)
    assert found.input("a").size == 64 and found.kind == "filter"


@pytest.mark.parametrize(
    ("json", "kind"),
    [
        ("{}", "generator"),
        ('{"INPUTS": [{"NAME": "inputImage", "TYPE": "image"}]}', "filter"),
        ('{"INPUTS": [{"NAME": "tex", "TYPE": "image"}]}', "filter"),
        ('{"INPUTS": [{"NAME": "a", "TYPE": "audio"}, {"NAME": "s", "TYPE": "audioFFT"}]}', "generator"),
        (
            '{"INPUTS": [{"NAME": "startImage", "TYPE": "image"}, {"NAME": "endImage", "TYPE": "image"},'
            '{"NAME": "progress", "TYPE": "float"}]}',
            "transition",
        ),
    ],
)
def test_kinds(json, kind):
    assert header(json).kind == kind


def test_passes_of_both_versions_of_the_format():
    new = header('{"PASSES": [{"TARGET": "a", "PERSISTENT": true, "FLOAT": 1, "WIDTH": "$WIDTH/2"}, {}]}')
    assert (new.passes[0].target, new.passes[0].persistent, new.passes[0].float32) == ("a", True, True)
    assert (new.passes[0].width, new.passes[0].height, new.passes[1].target) == ("$WIDTH/2", "$HEIGHT", "")
    old = header('{"PERSISTENT_BUFFERS": {"a": {"WIDTH": 8}}, "PASSES": [{"TARGET": "a"}]}')
    assert old.passes[0].persistent and old.passes[0].width == 8.0
    listed = header('{"PERSISTENT_BUFFERS": ["a"], "PASSES": [{"TARGET": "a"}, {"TARGET": "b"}]}')
    assert [each.persistent for each in listed.passes] == [True, False]


def test_numbers_that_no_gpu_holds_are_as_if_they_were_not_there():
    got = header('{"INPUTS": [{"NAME": "a", "TYPE": "color", "DEFAULT": 1e999}], "PASSES": [{"WIDTH": NaN}]}')
    assert got.input("a").default == (0.0,) * 4 and got.passes[0].width == "$WIDTH"
    assert (
        header('{"INPUTS": [{"NAME": "a", "TYPE": "float", "MAX": 1e300, "DEFAULT": NaN}]}').input("a").maximum == 1.0
    )


def test_what_public_files_get_wrong_is_forgiven():
    assert (
        header('{"INPUTS": [{"NAME": "a", "TYPE": "float",}, ],\n // a remark\n "CREDIT": "http://x",}').credit
        == "http://x"
    )
    assert header('{"DESCRIPTION": "a\ttab", "CATEGORIES": null}').description == "a\ttab"
    assert header('{"INPUTS": [{"NAME": "a", "TYPE": "FLOAT", "DEFAULT": "0.25"}]}').input("a").default == 0.25
    twice = header('{"INPUTS": [{"NAME": "a", "TYPE": "float"}, {"NAME": "a", "TYPE": "color"}]}')
    assert [each.type for each in twice.inputs] == ["float"]
    assert parse_isf(decode("\ufeff/*{}*/ // caf\u00e9".encode())).kind == "generator"
    assert "caf" in decode(b"/*{}*/ // caf\xe9")


def test_the_header_is_the_first_comment_in_braces():
    licence = "/* Copyright\n   MIT */\n/***** a box *****/\n// more\n"
    for text in (licence + "/*{%s}*/", "/** {%s} **/", "/*\n\n{%s}\n***/", "#version 150\n/*{%s}*/"):
        assert parse_isf(text.replace("%s", '"CREDIT": "me"') + "\nvoid main() {} /*{ not this }*/").credit == "me"
    assert header('{"CATEGORIES": "Glitch"}').categories == ("Glitch",)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "no ISF header"),
        ("void main() {}", "no ISF header"),
        ("/* a remark */", "no ISF header"),
        ("/*{*/", "not JSON, line 1"),
        ("/*[1]*/", "no ISF header"),
        ('/*{"INPUTS": {}}*/', "INPUTS: must be a list"),
        ('/*{"INPUTS": [1]}*/', r"INPUTS\[0\]: must be an object"),
        ('/*{"INPUTS": [{"NAME": "1a", "TYPE": "float"}]}*/', "not an identifier"),
        ('/*{"INPUTS": [{"NAME": "a", "TYPE": "cube"}]}*/', "none of audio"),
        ('/*{"INPUTS": [{"NAME": "TIME", "TYPE": "float"}]}*/', "declared twice"),
        ('/*{"PASSES": [{"TARGET": "a-b"}]}*/', "not an identifier"),
        ('/*{"PASSES": ["a"]}*/', "must be an object"),
        ('/*{"IMPORTED": {"a b": {"PATH": "x.png"}}}*/', "IMPORTED: NAME 'a b' is not an identifier"),
        ('/*{"INPUTS": [{"NAME": "a", "TYPE": "point3D"}]}*/', "TYPE 'point3D' is none of audio"),
        ("/*" + '{"a":' * 100_000 + "*/", "nested|not JSON"),
        (
            '/*{"INPUTS": [{"NAME": "a", "TYPE": "float", "MAX": 1' + "0" * 400 + "}]}*/",
            r"INPUTS\[0\].MAX: a whole number",
        ),
        (
            '/*{"PASSES": [{"WIDTH": ' + "9" * 5000 + "}]}*/",
            r"header: PASSES\[0\].WIDTH: a whole number of 5000 digits",
        ),
        ('/*{"INPUTS": [{"NAME": "a", "TYPE": "long", "VALUES": [1e12]}]}*/', "input 'a': a long is"),
        ('/*{"PASSES": [' + "{}," * 65 + "{}]}*/", "at most 64"),
    ],
)
def test_the_ladder_of_bad_headers(text, complaint):
    with pytest.raises(UserError, match=complaint) as caught:
        parse_isf(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("$WIDTH", 640.0),
        ("$WIDTH/16.0", 40.0),
        ("floor($WIDTH / 27.0)", 23.0),
        ("max($HEIGHT/486.0,1.0)", 1.0),
        ("$WIDTH * $scale - 2 ** 3", 312.0),
        ("-(-$HEIGHT % 50)", -40.0),
        (7.0, 7.0),
        (" 512 ", 512.0),
    ],
)
def test_size_expressions(expression, value):
    assert evaluate(expression, {"WIDTH": 640.0, "HEIGHT": 360.0, "scale": 0.5}) == pytest.approx(value)


@pytest.mark.parametrize(
    "expression",
    [
        *(
            "",
            "$NOPE",
            "1/0",
            "__import__('os')",
            "(1).real",
            "[1]",
            "'a'",
            "max(",
            "9**9**9",
            "exp(1e9)",
            "x",
            "f(x=1)",
        ),
        "(" * 200 + "1" + ")" * 200,
        "1+" * 1000 + "1",
    ],
)
def test_expressions_that_are_not_arithmetic(expression):
    with pytest.raises(UserError, match="size expression") as caught:
        evaluate(expression, {"WIDTH": 1.0})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "expression", ["$WIDTH / $cell", "0/0", "mod(1, 0)", "sqrt(0 - $WIDTH)", "9**9**9", "exp(1e9)", 1e999, "log($cell)"]
)
def test_arithmetic_without_a_result_is_told_apart(expression):
    with pytest.raises(NoSize, match="size expression"):
        evaluate(expression, {"WIDTH": 640.0, "cell": 0.0})


def test_imported_pictures_without_a_path_and_cube_maps_are_known():
    found = header(
        '{"IMPORTED": {"a": {"PATH": "a.png"}, "b": {}, "c": {"TYPE": "cube", "PATH": ["x"]}, "d": "d.png"}}'
    )
    assert found.imported == {"a": "a.png", "b": "", "c": "", "d": "d.png"} and found.cubes == {"c"}
    assert header('{"IMPORTED": [{"NAME": "a", "WIDTH": 4}]}').imported == {"a": ""}


@pytest.mark.parametrize(
    ("code", "ends"),
    [
        ("for (;;) { x += 1.0; }", False),
        ("while (true) x += 1.0;", False),
        ("for (int i = 0; true; i++) { x += 1.0; }", False),
        ("while(true) { if (x > 1.0) break; }", True),
        ("for (;;) { return; }", True),
        ("// for (;;) {}\nfor (int i = 0; i < 9; i++) { x += 1.0; }", True),
    ],
)
def test_loops_without_an_end_are_refused(code, ends):
    text = f"/*{{}}*/\nvoid main() {{ float x = 0.0;\n{code} }}"
    if ends:
        assert "#line 1" in glsl.program(parse_isf(text), text, None)[1]
        return
    with pytest.raises(UserError, match="^3: a loop without an end"):
        glsl.program(parse_isf(text), text, None)


def test_a_mesh_of_so_many_cells():
    assert header("{}").mesh == (24, 14)
    assert header('{"MESH": [16, 9]}').mesh == (16, 9)
    for wrong in ("[16]", "[0, 9]", "[16, 129]", "[16.5, 9]", "[true, 9]", '"16x9"', "{}"):
        with pytest.raises(UserError, match=r"MESH: give \[columns, rows\], each 1\.\.128"):
            header(f'{{"MESH": {wrong}}}')


IMAGES = '{"INPUTS": [{"NAME": "a", "TYPE": "image"}, {"NAME": "b", "TYPE": "image"}, {"NAME": "c", "TYPE": "image"}]}'


def test_samplers_that_a_shader_reads_only_at_its_own_place():
    body = """// b, in a comment
    void main() {
        vec4 x = IMG_THIS_PIXEL(a) + IMG_THIS_NORM_PIXEL( a ) + IMG_THIS_PIXEL(b);
        gl_FragColor = x + IMG_NORM_PIXEL(b, vec2(0.5));
    }"""
    assert glsl.copied_samplers(header(IMAGES), body) == {"a"}, "b is read elsewhere too, c not at all"


def test_passes_that_differ():
    two = header('{"PASSES": [{"TARGET": "x"}, {}]}')
    body = "void main() { gl_FragColor = vec4(PASSINDEX); }"
    assert glsl.depends_on_pass(two, body, None)
    assert glsl.depends_on_pass(two, "void main() {}", "void main() { int i = PASSINDEX; }")
    assert not glsl.depends_on_pass(two, "// PASSINDEX\nvoid main() {}", None)
    assert not glsl.depends_on_pass(header("{}"), body, None)
    assert "const int PASSINDEX = 1;" in glsl.program(two, body, None, index=1)[1]
    assert "uniform int PASSINDEX;" in glsl.program(two, body, None)[1]

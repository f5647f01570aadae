"""Translates an ISF file's GLSL into a program for OpenGL 3.3 core, or better 4.1. Text in, text out; pure.

ISF is written in the GLSL of 2004 (`varying`, `gl_FragColor`, `texture2D`) plus macros of its own (`IMG_PIXEL`). The
body keeps its line numbers, so that a compiler's complaint points into the file that a performer edits. Sampling goes
through functions defined before the body, since a body may well call a function of its own `texture` or an input
`mix`.
"""

from __future__ import annotations

import re

from livemusviz.errors import UserError
from livemusviz.isf.dialect import (
    block_end,
    with_float_returns,
    with_one_definition,
    with_own_overloads,
    without_comments,
    without_loose_consts,
    without_precision,
)
from livemusviz.isf.header import IMAGE_TYPES, Header

OLDEST, NEWEST = 330, 410  # 4.10 turns int into uint by itself, as files written for other hosts expect
# Where a driver has them: `return 1` in a float function, `uint n = 3`, constants that are only known when it runs.
_EXTENSIONS = """#extension GL_ARB_shading_language_420pack : enable
#extension GL_ARB_gpu_shader5 : enable
"""

_TYPES = {
    "event": "bool",
    "bool": "bool",
    "long": "int",
    "float": "float",
    "point2D": "vec2",
    "color": "vec4",
    "image": "sampler2D",
    "audio": "sampler2D",
    "audioFFT": "sampler2D",
}
_STANDARD = {
    "PASSINDEX": "int",
    "FRAMEINDEX": "int",
    "RENDERSIZE": "vec2",
    "TIME": "float",
    "TIMEDELTA": "float",
    "DATE": "vec4",
}
_SAMPLING = """
vec4 isf_norm(sampler2D s, vec2 p) { return texture(s, p); }
vec4 isf_norm(sampler2D s, vec2 p, float bias) { return texture(s, p); }
vec4 isf_norm(sampler2D s, vec3 p) { return texture(s, p.xy / p.z); }
vec2 isf_size(sampler2D s) { return vec2(textureSize(s, 0)); }
vec4 isf_norm(samplerCube s, vec3 p) { return texture(s, p); }
vec4 isf_pixel(sampler2D s, vec2 p) { return texture(s, p / vec2(textureSize(s, 0))); }
vec4 isf_pixel(sampler2D s, vec2 p, float bias) { return isf_pixel(s, p); }
vec4 isf_this(sampler2D s) { return texture(s, isf_FragNormCoord); }
vec4 isf_this(sampler2D s, float bias) { return isf_this(s); }
vec4 isf_lod(sampler2D s, vec2 p, float l) { return textureLod(s, p, l); }
vec4 isf_lod(samplerCube s, vec3 p, float l) { return textureLod(s, p, l); }
#define IMG_NORM_PIXEL isf_norm
#define IMG_PIXEL isf_pixel
#define IMG_THIS_PIXEL isf_this
#define IMG_THIS_NORM_PIXEL isf_this
#define IMG_SIZE isf_size
#define VVSAMPLER_2DBYPIXEL(s, r, z, f, p) isf_pixel(s, p)
#define VVSAMPLER_2DBYNORM(s, r, z, f, p) isf_norm(s, p)
#define texture2D isf_norm
#define texture2DProj isf_norm
#define texture2DLod isf_lod
#define texture2DRect isf_pixel
#define textureCube isf_norm
#define textureCubeLod isf_lod
#define sampler2DRect sampler2D
#define vv_FragNormCoord isf_FragNormCoord
#define vv_vertShaderInit isf_vertShaderInit
"""
_FRAGMENT = """
in vec2 isf_FragNormCoord;
out vec4 isf_FragColor;
#define isf_FragCoord gl_FragCoord
"""
_VERTEX = """
in vec2 isf_corner;
out vec2 isf_FragNormCoord;
"""
# Words that GLSL keeps for itself without giving them a meaning (3.30, section 3.6), and two that only qualify an
# `in` or `out`. A file that uses one as a name gets another name for it.
_KEPT = (
    *(
        "common",
        "partition",
        "active",
        "asm",
        "class",
        "union",
        "enum",
        "typedef",
        "template",
        "this",
        "packed",
        "goto",
    ),
    *("inline", "noinline", "volatile", "public", "static", "extern", "external", "interface", "long", "short", "half"),
    *("subroutine", "coherent", "restrict", "readonly", "writeonly", "resource"),
    *("fixed", "unsigned", "superp", "input", "output", "filter", "sizeof", "cast", "namespace", "using", "row_major"),
)
# Functions of GLSL 3.30 that files use as an input's name: as a value the name is the input's, before "(" GLSL's.
_FUNCTIONS = frozenset(
    (
        *(
            "radians",
            "degrees",
            "sin",
            "cos",
            "tan",
            "asin",
            "acos",
            "atan",
            "sinh",
            "cosh",
            "tanh",
            "pow",
            "exp",
            "log",
        ),
        *(
            "exp2",
            "log2",
            "sqrt",
            "inversesqrt",
            "abs",
            "sign",
            "floor",
            "trunc",
            "round",
            "ceil",
            "fract",
            "mod",
            "min",
        ),
        *("max", "clamp", "mix", "step", "smoothstep", "length", "distance", "dot", "cross", "normalize", "reflect"),
        *("refract", "transpose", "inverse", "determinant", "any", "all", "not", "equal", "texture", "dFdx", "dFdy"),
        *("fwidth", "noise1", "noise2", "noise3", "noise4", "main"),
    )
)
_KEPT_WORD = re.compile(
    rf"\b(?:{'|'.join(_KEPT)})\b|\b(?:smooth|flat|sample|patch)\b(?!\s+(?:in|out|varying)\b)|\bprecise\b(?!\s+\w)"
)
_VARYING = re.compile(
    r"^[ \t]*(?:(?:flat|smooth|noperspective|centroid)\s+)?(?:varying|in)\s+"
    r"(?:(?:lowp|mediump|highp)\s+)?(float|vec[234]|mat[234]|int|ivec[234])\s+([\w\s,\[\]]+);",
    re.MULTILINE,
)
_DECLARED = re.compile(r"^[ \t]*(?:flat\s+)?(?:varying|out|in)\s+(?:\w+\s+)?\w+\s+([\w\s,\[\]]+);", re.MULTILINE)
_MACROS = frozenset(re.findall(r"^#define (\w+)", _SAMPLING + _FRAGMENT, re.MULTILINE))
_ENDLESS = re.compile(r"\bfor\s*\(\s*[^;{}]*;\s*(?:true|1)?\s*;[^;{}]*\)|\bwhile\s*\(\s*(?:true|1)\s*\)")

# "0:12(5): error: ..." (Mesa), "ERROR: 0:12: ..." (Apple), "0(12) : error C1008: ..." (NVIDIA)
_LINE = re.compile(r"^(?:ERROR:\s*)?\d+[:(](\d+)\)?(?:\(\d+\))?\s*:\s*(?:error:\s*)?(.*)$", re.MULTILINE)


def program(
    header: Header, fragment: str, vertex: str | None, offered: int = OLDEST, index: int | None = None
) -> tuple[str, str]:
    """Return the vertex and fragment shader for `header` with the file's text `fragment`, and `vertex` (.vs) or None.

    offered : the context's OpenGL version, as 450.  index : of the only pass that it draws, so that what other passes
    do is left out; None draws all. UserError for a loop that has no end.
    """
    for text in (fragment, vertex or ""):
        _refuse_endless(text)
    top = f"#version {NEWEST if offered >= NEWEST else OLDEST} core\n{_EXTENSIONS}"
    plain = without_comments(fragment)
    theirs = without_comments(vertex or "")
    uniforms = _uniforms(header)
    if index is not None:
        uniforms = uniforms.replace("uniform int PASSINDEX;", f"const int PASSINDEX = {index};")
    loose = _loose_varyings(plain, theirs)
    declarations = "".join(f"out {kind} {name};\n" for kind, name in loose)
    starts = "".join(f"    {name} = isf_FragNormCoord;\n" for kind, name in loose if kind == "vec2" and "[" not in name)
    init = (
        "void isf_vertShaderInit() {\n    isf_FragNormCoord = isf_corner;\n"
        f"    gl_Position = vec4(isf_corner * 2.0 - 1.0, 0.0, 1.0);\n{starts}}}\n"
    )
    body = _modern(vertex, "out", header) if vertex is not None else "void main() { isf_vertShaderInit(); }\n"
    vertex_text = f"{top}{_VERTEX}{_SAMPLING}{uniforms}{declarations}{init}{body}"
    fragment_text = f"{top}{_FRAGMENT}{_SAMPLING}{uniforms}{_modern(fragment, 'in', header)}"
    return vertex_text, fragment_text


def places_vertices(vertex: str) -> bool:
    """Return True if a vertex shader's text sets a position at all."""
    return re.search(r"\bgl_Position\b|\b(?:isf|vv)_vertShaderInit\b", without_comments(vertex)) is not None


def depends_on_pass(header: Header, fragment: str, vertex: str | None) -> bool:
    """Return True if the passes of a file do different things."""
    return len(header.passes) > 1 and "PASSINDEX" in without_comments(fragment + (vertex or ""))


def copied_samplers(header: Header, fragment: str) -> frozenset[str]:
    """Return the samplers that a fragment shader reads at its own place and nowhere else.

    With a texture as large as the target such a read gives exactly one texel, whatever the filter.
    """
    plain = without_comments(fragment)
    own_place = r"\bIMG_THIS_(?:NORM_)?PIXEL\s*\(\s*{}\s*\)"
    return frozenset(
        name
        for name in samplers(header)
        if len(re.findall(own_place.format(name), plain)) == len(re.findall(rf"\b{name}\b", plain)) > 0
    )


def uniform_name(name: str) -> str:
    """Return the name of an input's uniform: as in the file, unless GLSL reserves that word."""
    return f"isf_{name}" if _KEPT_WORD.fullmatch(name) or name in _FUNCTIONS else name


def samplers(header: Header) -> tuple[str, ...]:
    """Return the names of all textures that the program may read: images, buffers, imported pictures."""
    images = [each.name for each in header.inputs if each.type in IMAGE_TYPES]
    buffers = [each.target for each in header.passes if each.target]
    return tuple(dict.fromkeys([*images, *buffers, *header.imported]))


def _uniforms(header: Header) -> str:
    lines = [f"uniform {kind} {name};" for name, kind in _STANDARD.items()]
    for name in samplers(header):
        lines += [
            f"uniform {'samplerCube' if name in header.cubes else 'sampler2D'} {name};",
            f"uniform vec4 _{name}_imgRect;",
            f"uniform vec2 _{name}_imgSize;",
            f"uniform bool _{name}_flip;",
        ]
    lines += [
        f"uniform {_TYPES[each.type]} {uniform_name(each.name)};"
        for each in header.inputs
        if each.type not in IMAGE_TYPES
    ]
    return "\n".join(lines) + "\n"


def _modern(text: str, direction: str, header: Header) -> str:
    """Return the body in GLSL 3.30, line for line, behind what it needs. direction : what `varying` means in this
    stage: "in", "out"."""
    text = "".join(c if c < "\x7f" and (c >= " " or c in "\n\t") else " " for c in text)
    text = re.sub(r"^[ \t]*#[ \t]*(?:version|extension)[^\n]*", "", text, flags=re.MULTILINE)
    text = without_precision(text)
    text = _KEPT_WORD.sub(lambda m: f"isf_{m[0]}", text)
    for name in (each.name for each in header.inputs if each.name in _FUNCTIONS):
        text = re.sub(rf"(?<!\.)\b{name}\b(?!\s*\()", f"isf_{name}", text)
    text = re.sub(r"\bvarying\b", direction, text)
    text = re.sub(r"\battribute\b", "in", text)
    text = re.sub(r"\bgl_FragColor\b|\bgl_FragData\s*\[\s*0\s*\]", "isf_FragColor", text)
    text = re.sub(r"\b(?:gl_Vertex\b|ftransform\s*\(\s*\))", "vec4(isf_corner * 2.0 - 1.0, 0.0, 1.0)", text)
    text = re.sub(r"\bgl_MultiTexCoord0\b", "vec4(isf_corner, 0.0, 1.0)", text)
    text = re.sub(r"\bgl_ModelViewProjectionMatrix\b", "mat4(1.0)", text)
    known = {*_STANDARD, *samplers(header), *(each.name for each in header.inputs)}
    known |= {"isf_FragNormCoord", "vv_FragNormCoord", "isf_FragCoord"}
    again = r"^[ \t]*(?:uniform|in|out)\s+\w+\s+(\w+)\s*;"
    text = re.sub(again, lambda m: "" if m[1] in known else m[0], text, flags=re.MULTILINE)
    text = with_float_returns(without_loose_consts(text))
    text, before = with_own_overloads(text)
    return f"{before}#line 1\n{with_one_definition(text, _MACROS)}"


def _loose_varyings(fragment: str, vertex: str) -> list[tuple[str, str]]:
    """Varyings that the fragment shader reads and no vertex shader declares. Texts without comments.

    Such files are about: other hosts give them no value. Here a vec2 is the place of the pixel.
    """
    declared = {name for found in _DECLARED.finditer(vertex) for name in _names(found[1])}
    declared |= {"isf_FragNormCoord", "vv_FragNormCoord", "isf_FragCoord"}
    loose: dict[str, tuple[str, str]] = {}
    for found in _VARYING.finditer(fragment):
        for name, full in _names(found[2]).items():
            if name not in declared:
                loose.setdefault(name, (found[1], full))
    return list(loose.values())


def _names(text: str) -> dict[str, str]:
    """'a, b[5]' as {'a': 'a', 'b': 'b[5]'}."""
    return {part.split("[")[0].strip(): part.strip() for part in text.split(",") if part.strip()}


def _refuse_endless(text: str) -> None:
    """UserError for `for (;;)` or `while (true)` without a way out: a GPU cannot be stopped from outside."""
    plain = without_comments(text)
    for found in _ENDLESS.finditer(plain):
        body = _block(plain, found.end())
        if not re.search(r"\b(?:break|return|discard)\b", body):
            line = plain.count("\n", 0, found.start()) + 1
            raise UserError(f"{line}: a loop without an end")


def _block(text: str, start: int) -> str:
    """Return the statement or the {...} block that begins at `start`."""
    opening = re.compile(r"\s*\{").match(text, start)
    if opening is None:
        end = text.find(";", start)
        return text[start : end if end >= 0 else len(text)]
    return text[start : block_end(text, opening.end() - 1)]


def complaint(message: str) -> tuple[str | None, str]:
    """Return the line and the sentence of a compiler's message: ("12", "'x' undeclared"). None if it names no line."""
    for found in _LINE.finditer(message):
        if not found[2].lower().startswith("warning"):
            return found[1], found[2].strip()
    return None, " ".join(message.split())[:300]

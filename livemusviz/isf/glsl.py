"""An ISF file's GLSL as a program that OpenGL 3.3 core takes: text in, text out. Pure.

ISF is written in the GLSL of 2004 (`varying`, `gl_FragColor`, `texture2D`) plus macros of its own (`IMG_PIXEL`). The
body keeps its line numbers, so that a compiler's complaint points into the file that a performer edits. Sampling goes
through functions defined before the body, since a body may well call a function of its own `texture` or an input
`mix`.
"""

from __future__ import annotations

import re

from livemusviz.errors import UserError
from livemusviz.isf.header import IMAGE_TYPES, Header

VERSION = "#version 330 core"  # every 4.1 core driver takes it, and it reserves fewer words than 410 does

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
vec4 isf_pixel(sampler2D s, vec2 p) { return texture(s, p / vec2(textureSize(s, 0))); }
vec4 isf_lod(sampler2D s, vec2 p, float l) { return textureLod(s, p, l); }
#define IMG_NORM_PIXEL(s, p) isf_norm(s, p)
#define IMG_PIXEL(s, p) isf_pixel(s, p)
#define IMG_THIS_PIXEL(s) isf_norm(s, isf_FragNormCoord)
#define IMG_THIS_NORM_PIXEL(s) isf_norm(s, isf_FragNormCoord)
#define IMG_SIZE(s) isf_size(s)
#define VVSAMPLER_2DBYPIXEL(s, r, z, f, p) isf_pixel(s, p)
#define VVSAMPLER_2DBYNORM(s, r, z, f, p) isf_norm(s, p)
#define texture2D isf_norm
#define texture2DProj isf_norm
#define texture2DLod isf_lod
#define texture2DRect isf_pixel
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
_KEPT_WORD = re.compile(rf"\b(?:{'|'.join(_KEPT)})\b|\b(?:smooth|flat)\b(?!\s+(?:in|out|varying)\b)")
_VARYING = re.compile(
    r"^[ \t]*(?:(?:flat|smooth|noperspective|centroid)\s+)?(?:varying|in)\s+"
    r"(?:(?:lowp|mediump|highp)\s+)?(float|vec[234]|mat[234]|int|ivec[234])\s+([\w\s,\[\]]+);",
    re.MULTILINE,
)
_DECLARED = re.compile(r"^[ \t]*(?:varying|out|in)\s+(?:\w+\s+)?\w+\s+([\w\s,\[\]]+);", re.MULTILINE)
_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_ENDLESS = re.compile(r"\bfor\s*\(\s*[^;{}]*;\s*(?:true|1)?\s*;[^;{}]*\)|\bwhile\s*\(\s*(?:true|1)\s*\)")

# "0:12(5): error: ..." (Mesa), "ERROR: 0:12: ..." (Apple), "0(12) : error C1008: ..." (NVIDIA)
_LINE = re.compile(r"^(?:ERROR:\s*)?\d+[:(](\d+)\)?(?:\(\d+\))?\s*:\s*(?:error:\s*)?(.*)$", re.MULTILINE)


def program(header: Header, fragment: str, vertex: str | None) -> tuple[str, str]:
    """The vertex and fragment shader for `header` with the file's text `fragment`, and `vertex` (.vs) or None.

    UserError for a loop that has no end.
    """
    for text in (fragment, vertex or ""):
        _refuse_endless(text)
    plain = _COMMENT.sub(" ", fragment)
    theirs = _COMMENT.sub(" ", vertex or "")
    uniforms = _uniforms(header)
    loose = _loose_varyings(plain, theirs)
    declarations = "".join(f"out {kind} {name};\n" for kind, name in loose)
    starts = "".join(f"    {name} = isf_FragNormCoord;\n" for kind, name in loose if kind == "vec2" and "[" not in name)
    init = (
        "void isf_vertShaderInit() {\n    isf_FragNormCoord = isf_corner;\n"
        f"    gl_Position = vec4(isf_corner * 2.0 - 1.0, 0.0, 1.0);\n{starts}}}\n"
    )
    body = _modern(vertex, "out", header) if vertex is not None else "void main() { isf_vertShaderInit(); }\n"
    vertex_text = f"{VERSION}\n{_VERTEX}{_SAMPLING}{uniforms}{declarations}{init}#line 1\n{body}"
    fragment_text = f"{VERSION}\n{_FRAGMENT}{_SAMPLING}{uniforms}#line 1\n{_modern(fragment, 'in', header)}"
    return vertex_text, fragment_text


def uniform_name(name: str) -> str:
    """What an input is called in the program: as in the file, unless GLSL keeps that word for itself."""
    return f"isf_{name}" if _KEPT_WORD.fullmatch(name) or name in _FUNCTIONS else name


def samplers(header: Header) -> tuple[str, ...]:
    """Names of all textures that the program may read: images, buffers, imported pictures."""
    images = [each.name for each in header.inputs if each.type in IMAGE_TYPES]
    buffers = [each.target for each in header.passes if each.target]
    return tuple(dict.fromkeys([*images, *buffers, *header.imported]))


def _uniforms(header: Header) -> str:
    lines = [f"uniform {kind} {name};" for name, kind in _STANDARD.items()]
    for name in samplers(header):
        lines += [
            f"uniform sampler2D {name};",
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
    """The body in GLSL 3.30, line for line. direction : what `varying` means in this stage, "in" or "out"."""
    text = "".join(c if c < "\x7f" and (c >= " " or c in "\n\t") else " " for c in text)
    text = re.sub(r"^[ \t]*#[ \t]*(?:version|extension)[^\n]*", "", text, flags=re.MULTILINE)
    text = _KEPT_WORD.sub(lambda m: f"isf_{m[0]}", text)
    for name in (each.name for each in header.inputs if each.name in _FUNCTIONS):
        text = re.sub(rf"(?<!\.)\b{name}\b(?!\s*\()", f"isf_{name}", text)
    text = re.sub(r"\bvarying\b", direction, text)
    text = re.sub(r"\battribute\b", "in", text)
    text = re.sub(r"\bgl_FragColor\b|\bgl_FragData\s*\[\s*0\s*\]", "isf_FragColor", text)
    text = re.sub(r"\b(?:gl_Vertex|ftransform\s*\(\s*\))", "vec4(isf_corner * 2.0 - 1.0, 0.0, 1.0)", text)
    text = re.sub(r"\bgl_MultiTexCoord0\b", "vec4(isf_corner, 0.0, 1.0)", text)
    text = re.sub(r"\bgl_ModelViewProjectionMatrix\b", "mat4(1.0)", text)
    known = {*_STANDARD, *samplers(header), *(each.name for each in header.inputs)}
    known |= {"isf_FragNormCoord", "vv_FragNormCoord", "isf_FragCoord"}
    again = r"^[ \t]*(?:uniform|in|out)\s+(?:(?:lowp|mediump|highp)\s+)?\w+\s+(\w+)\s*;"
    return re.sub(again, lambda m: "" if m[1] in known else m[0], text, flags=re.MULTILINE)


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
    plain = _COMMENT.sub(lambda m: re.sub(r"[^\n]", " ", m[0]), text)
    for found in _ENDLESS.finditer(plain):
        body = _block(plain, found.end())
        if not re.search(r"\b(?:break|return|discard)\b", body):
            line = plain.count("\n", 0, found.start()) + 1
            raise UserError(f"{line}: a loop without an end")


def _block(text: str, start: int) -> str:
    """The statement or the {...} block that begins at `start`."""
    opening = re.compile(r"\s*\{").match(text, start)
    if opening is None:
        end = text.find(";", start)
        return text[start : end if end >= 0 else len(text)]
    depth = 0
    for i in range(opening.end() - 1, len(text)):
        depth += {"{": 1, "}": -1}.get(text[i], 0)
        if depth == 0:
            return text[start:i]
    return text[start:]


def complaint(message: str) -> tuple[str | None, str]:
    """The line and the sentence of a compiler's message: ("12", "'x' undeclared"). None if it names no line."""
    found = _LINE.search(message)
    return (found[1], found[2].strip()) if found else (None, " ".join(message.split())[:300])

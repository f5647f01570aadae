"""GLSL's own functions, as far as ISF files overload them, and forwards to them under another name. Pure.

On desktop GLSL a function of a file's own hides every built-in one of its name: `vec2 min(vec2, vec2)` also hides
`min(float, float)`. The file's function therefore gets another name, and beside it stands a forward to each built-in
overload that the file does not define itself.
"""

from __future__ import annotations

import re

# T is float or a vector of floats, I int or a vector of ints, M a square matrix.
_SIGNATURES = """
T radians(T)|T degrees(T)|T sin(T)|T cos(T)|T tan(T)|T asin(T)|T acos(T)|T atan(T)|T atan(T,T)|T sinh(T)|T cosh(T)
T tanh(T)|T asinh(T)|T acosh(T)|T atanh(T)|T pow(T,T)|T exp(T)|T log(T)|T exp2(T)|T log2(T)|T sqrt(T)|T inversesqrt(T)
T abs(T)|I abs(I)|T sign(T)|I sign(I)|T floor(T)|T trunc(T)|T round(T)|T roundEven(T)|T ceil(T)|T fract(T)|T mod(T,T)
T mod(T,float)|T min(T,T)|T min(T,float)|I min(I,I)|I min(I,int)|T max(T,T)|T max(T,float)|I max(I,I)|I max(I,int)
T clamp(T,T,T)|T clamp(T,float,float)|I clamp(I,I,I)|I clamp(I,int,int)|T mix(T,T,T)|T mix(T,T,float)|T step(T,T)
T step(float,T)|T smoothstep(T,T,T)|T smoothstep(float,float,T)|float length(T)|float distance(T,T)|float dot(T,T)
vec3 cross(vec3,vec3)|T normalize(T)|T faceforward(T,T,T)|T reflect(T,T)|T refract(T,T,float)|T dFdx(T)|T dFdy(T)
T fwidth(T)|M matrixCompMult(M,M)|M transpose(M)|M inverse(M)|float determinant(M)|vec4 texture(sampler2D,vec2)
vec4 texture(sampler2D,vec2,float)|vec4 textureLod(sampler2D,vec2,float)|vec4 texelFetch(sampler2D,ivec2,int)
ivec2 textureSize(sampler2D,int)
"""
_GENERIC = {
    "T": ("float", "vec2", "vec3", "vec4"),
    "I": ("int", "ivec2", "ivec3", "ivec4"),
    "M": ("mat2", "mat3", "mat4"),
}
_FORM = re.compile(r"(\w+) (\w+)\(([\w,]+)\)")
_PLAIN_TYPES = """void bool int uint float vec2 vec3 vec4 ivec2 ivec3 ivec4 uvec2 uvec3 uvec4 bvec2 bvec3 bvec4
mat2 mat3 mat4 mat2x2 mat2x3 mat2x4 mat3x2 mat3x3 mat3x4 mat4x2 mat4x3 mat4x4 sampler2D samplerCube"""
TYPES = frozenset(_PLAIN_TYPES.split())


def _overloads() -> dict[str, dict[tuple[str, ...], str]]:
    """By name: the types of the parameters, and of what is returned."""
    found: dict[str, dict[tuple[str, ...], str]] = {}
    for result, name, parameters in _FORM.findall(_SIGNATURES):
        words = (result, *parameters.split(","))
        generic = next((word for word in words if word in _GENERIC), "")
        for actual in _GENERIC.get(generic, ("",)):
            made = tuple(actual if word == generic else word for word in words)
            found.setdefault(name, {})[made[1:]] = made[0]
    return found


OVERLOADS = _overloads()
_COMPARING = "any all not equal notEqual lessThan lessThanEqual greaterThan greaterThanEqual isnan isinf outerProduct"
FUNCTIONS = frozenset(OVERLOADS) | frozenset(_COMPARING.split())
"""Built-in functions whose value is constant where their arguments are."""


def forwards(name: str, own: set[tuple[str, ...]], to: str) -> str:
    """GLSL that makes the built-in overloads of `name` callable as `to`, on one line each. own : the parameters' types
    of the overloads that the file defines, which are left out."""
    lines = []
    for types, result in OVERLOADS[name].items():
        if types not in own:
            letters = "abc"[: len(types)]
            parameters = ", ".join(f"{kind} {letter}" for kind, letter in zip(types, letters, strict=True))
            lines.append(f"{result} {to}({parameters}) {{ return {name}({', '.join(letters)}); }}\n")
    return "".join(lines)

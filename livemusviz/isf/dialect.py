"""Translates GLSL that other hosts accept into GLSL that every desktop driver accepts. Text in, text out; pure.

Every line keeps its number. Functions that search a text take it as `plain`: with blanks in place of comments.
"""

from __future__ import annotations

import re

from livemusviz.isf.builtins import FUNCTIONS, OVERLOADS, TYPES, forwards

OWN = "isf_own_"
"""Put before the name of a function that overloads a built-in one."""
ROUNDS = 16  # a constant may rest on so many others, one on another
_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_FUNCTION = re.compile(r"\b(\w+)\s+(\w+)\s*\(([^(){};]*)\)\s*[{;]")
_FLOAT_FUNCTION = re.compile(r"\bfloat\s+\w+\s*\([^(){};]*\)\s*\{")
_NOT_A_TYPE = frozenset({"return", "else", "in", "out", "inout", "const"})
_QUALIFIER = re.compile(r"\b(?:const|in|out|inout|lowp|mediump|highp)\b")
_PRECISION = re.compile(r"\bprecision[ \t]+(?:lowp|mediump|highp)[ \t]+\w+[ \t]*;")
_PRECISION_WORD = re.compile(r"\b(?:lowp|mediump|highp)\b(?=\s+[A-Za-z])")
_DEFINE = re.compile(r"^[ \t]*#[ \t]*define[ \t]+(\w+)(\([^)\n]*\))?((?:\\\n|[^\n])*)", re.MULTILINE)
_WORD = re.compile(r"(?<![\w.])[A-Za-z_]\w*")
_CONST = re.compile(r"\bconst\b")
_BRACE = re.compile(r"[{}]")
_MARK = re.compile(r"[()\[\]{},;]")
_RETURN = re.compile(r"\breturn\b([^;{}]+);")


def without_comments(text: str) -> str:
    """Return `text` with blanks in the place of comments, so that every place in it stays."""
    return _COMMENT.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), text)


def without_precision(text: str) -> str:
    """Leave out what only OpenGL ES knows; `precision` is then a name like others."""
    text = _PRECISION.sub(lambda found: " " * len(found[0]), text)
    return re.sub(r"\bprecision\b", "isf_precision", _PRECISION_WORD.sub("", text))


def with_own_overloads(text: str) -> tuple[str, str]:
    """Return `text` with its overloads of built-in functions renamed, and the GLSL that has to stand before it."""
    own: dict[str, set[tuple[str, ...]]] = {}
    for kind, name, parameters in _FUNCTION.findall(without_comments(text)):
        if name in OVERLOADS and kind not in _NOT_A_TYPE:
            own.setdefault(name, set()).add(_types(parameters))
    before = ""
    for name, signatures in own.items():
        text = re.sub(rf"(?<![\w.]){name}(?=\s*\()", OWN + name, text)
        before += forwards(name, signatures, OWN + name)
    return text, before


def _types(parameters: str) -> tuple[str, ...]:
    """'in vec2 a, float b[3]' as ('vec2', 'float[]')."""
    types = []
    for each in _QUALIFIER.sub(" ", parameters).split(","):
        words = each.split()
        if words and words != ["void"]:
            types.append(words[0] + ("[]" if "[" in each else ""))
    return tuple(types)


def with_one_definition(text: str, known: frozenset[str]) -> str:
    """Return `text` in which a macro defined again is undefined first. known : macros defined before it."""
    plain, seen, made, done = without_comments(text), set(known), [], 0
    for found in _DEFINE.finditer(plain):
        name, at = found[1], found.start()
        if name in seen and "__" not in name and not name.startswith("GL_"):
            made += [text[done:at], f"#undef {name}\n#line {plain.count(chr(10), 0, at) + 1}\n"]
            done = at
        seen.add(name)
    return "".join([*made, text[done:]])


def with_float_returns(text: str) -> str:
    """Return `text` in which functions of type float return floats: `return 1;` is an error on older drivers."""
    plain, made, done = without_comments(text), [], 0
    for function in _FLOAT_FUNCTION.finditer(plain):
        end = block_end(plain, function.end() - 1)
        for found in _RETURN.finditer(plain, function.end(), end):
            if found.start() >= done and found[1].strip() and "#" not in found[1]:
                made += [text[done : found.start(1)], " float(", text[found.start(1) : found.end(1)], ")"]
                done = found.end(1)
    return "".join([*made, text[done:]])


def block_end(plain: str, start: int) -> int:
    """Return the end of the {...} that begins at `start`; the end of the text if it is not closed."""
    depth = 0
    for brace in _BRACE.finditer(plain, start):
        depth += 1 if brace[0] == "{" else -1
        if depth == 0:
            return brace.start()
    return len(plain)


def without_loose_consts(text: str) -> str:
    """Return `text` without the `const` of those variables whose initialiser may be no constant expression.

    Constant is what is made of numbers, built-in functions, and names that are themselves constant.
    """
    plain = without_comments(text)
    declared = _const_declarations(plain)
    if not declared:
        return text
    own = {name for _, name, _ in _FUNCTION.findall(plain)}
    known = (TYPES | FUNCTIONS | {"true", "false"}) - own
    macros = _macros(plain)
    for _ in range(ROUNDS):
        before = len(known)
        known |= {name for name, words in macros.items() if words <= known}
        for _, names, words in declared:
            if words <= known | names:
                known |= names
        if len(known) == before:
            break
    made, done = [], 0
    for at, names, _ in declared:
        if not names <= known:
            made += [text[done:at], " " * len("const")]
            done = at + len("const")
    return "".join([*made, text[done:]])


def _macros(plain: str) -> dict[str, set[str]]:
    """Return the names that each macro's body reads, over all of its definitions."""
    macros: dict[str, set[str]] = {}
    for name, parameters, body in _DEFINE.findall(plain):
        macros.setdefault(name, set()).update({*_WORD.findall(body)} - {*_WORD.findall(parameters)})
    return macros


def _const_declarations(plain: str) -> list[tuple[int, set[str], set[str]]]:
    """Return for each `const` with an initialiser its position, the names it declares, and the names that these
    read.
    """
    found: list[tuple[int, set[str], set[str]]] = []
    at = 0
    while (const := _CONST.search(plain, at)) is not None:
        end = _statement_end(plain, const.end())
        statement = plain[const.end() : end]
        at = max(end, const.end())
        if plain[end : end + 1] == ";" and "=" in statement:
            parts = _split(statement)
            names = {_declared(part) for part in parts}
            read = {word for part in parts for word in _WORD.findall(part.partition("=")[2])}
            found.append((const.start(), names, read))
    return found


def _statement_end(plain: str, start: int) -> int:
    """Return the position of the `;` that ends a statement, or of the bracket that encloses it."""
    depth = 0
    for mark in _MARK.finditer(plain, start):
        depth += (mark[0] in "([{") - (mark[0] in ")]}")
        if depth < 0 or (depth == 0 and mark[0] == ";"):
            return mark.start()
    return len(plain)


def _split(statement: str) -> list[str]:
    """Return a declaration at its commas, those inside brackets not counted."""
    parts, depth, start = [], 0, 0
    for mark in _MARK.finditer(statement):
        depth += (mark[0] in "([{") - (mark[0] in ")]}")
        if mark[0] == "," and depth == 0:
            parts.append(statement[start : mark.start()])
            start = mark.end()
    return [*parts, statement[start:]]


def _declared(part: str) -> str:
    """'vec2 t[2] = ...' as 't'."""
    words = _WORD.findall(re.sub(r"\[[^\]]*\]", "", part.partition("=")[0]))
    return words[-1] if words else ""

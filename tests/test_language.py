"""Docstrings never begin with a question word, those of attributes included; those of functions begin with a verb."""

import ast
import itertools
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOLDERS = ("livemusviz", "training", "benchmarks", "demo")
QUESTION = re.compile(r"(What|Whether|How|Who|Whose|Where|When|Which|Why)\b")
NOUN = re.compile(r"(The|An?|All|Any|Each|Every|Its|One)\b")
ENTRY = re.compile(r"(?:^|\s)([a-z_]\w*(?:, [a-z_]\w*)*) : ")  # names of attributes before their description
MOST_IN_A_LINE = 4
DOCUMENTED = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def nouns(source: str) -> dict[str, str]:
    """Return the first line of each function's docstring that opens with a noun, by the function's name."""
    functions = (
        node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )
    found = ((node.name, ast.get_docstring(node) or "") for node in functions)
    return {name: text.splitlines()[0] for name, text in found if NOUN.match(text)}


def docstrings(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Yield each documented name and its docstring: of modules, classes, functions and attributes."""
    for node in ast.walk(tree):
        if isinstance(node, DOCUMENTED):
            yield getattr(node, "name", "the module"), ast.get_docstring(node) or ""
        body = getattr(node, "body", None)
        for before, text in itertools.pairwise(body if isinstance(body, list) else []):
            if isinstance(before, ast.Assign | ast.AnnAssign) and isinstance(text, ast.Expr):
                target = before.target if isinstance(before, ast.AnnAssign) else before.targets[0]
                if isinstance(text.value, ast.Constant) and isinstance(text.value.value, str):
                    yield ast.unparse(target), text.value.value.strip()


def openings(source: str) -> dict[str, str]:
    """Return the first line of each docstring that opens with a question word, by what it documents."""
    found = docstrings(ast.parse(source))
    return {name: text.splitlines()[0] for name, text in found if QUESTION.match(text)}


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_docstring_opens_with_a_question_word(folder: str) -> None:
    found = {
        f"{path.relative_to(ROOT)}: {name}": line
        for path in sorted((ROOT / folder).rglob("*.py"))
        for name, line in openings(path.read_text(encoding="utf-8")).items()
    }
    assert not found


@pytest.mark.parametrize("folder", FOLDERS)
def test_docstrings_of_functions_begin_with_a_verb(folder: str) -> None:
    found = {
        f"{path.relative_to(ROOT)}: {name}": line
        for path in sorted((ROOT / folder).rglob("*.py"))
        for name, line in nouns(path.read_text(encoding="utf-8")).items()
    }
    assert not found


def crowded(source: str) -> dict[str, str]:
    """Return the first line with two attributes of each docstring that describes more than four, by its name."""
    found = {}
    for name, text in docstrings(ast.parse(source)):
        entries = [ENTRY.findall(line) for line in text.splitlines()]
        if sum(len(names.split(", ")) for line in entries for names in line) > MOST_IN_A_LINE:
            crowd = [line for line in text.splitlines() if len(ENTRY.findall(line)) > 1]
            found |= {name: crowd[0]} if crowd else {}
    return found


@pytest.mark.parametrize("folder", FOLDERS[:1])
def test_more_than_four_attributes_stand_one_a_line(folder: str) -> None:
    found = {
        f"{path.relative_to(ROOT)}: {name}": line
        for path in sorted((ROOT / folder).rglob("*.py"))
        for name, line in crowded(path.read_text(encoding="utf-8")).items()
    }
    assert not found


def test_the_check_sees_them() -> None:
    source = '"""What it is."""\ndef f():\n    """Return it."""\nclass C:\n    """Whether."""\n'
    source += '    x: int = 0\n    """How many."""\n    y: int = 0\n    """s, since then."""\nz = 1\n"""Where."""\n'
    assert openings(source) == {"the module": "What it is.", "C": "Whether.", "x": "How many.", "z": "Where."}
    assert nouns('def f():\n    """The value."""\ndef g():\n    """Return a value."""\n') == {"f": "The value."}
    assert crowded('"""a : one.  b : two.  c, d, e : more."""') == {"the module": "a : one.  b : two.  c, d, e : more."}
    assert not crowded('"""a : one.\n\nb : two.\nc, d, e : more."""')

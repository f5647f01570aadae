"""Docstrings begin with a verb or a noun, never with a question word."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOLDERS = ("livemusviz", "training", "benchmarks", "demo")
QUESTION = re.compile(r"(What|Whether|How|Who|Whose|Where|When|Which|Why)\b")
DOCUMENTED = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def openings(source: str) -> dict[str, str]:
    """Return the first line of each docstring that opens with a question word, by what it documents."""
    return {
        getattr(node, "name", "the module"): text.splitlines()[0]
        for node in ast.walk(ast.parse(source))
        if isinstance(node, DOCUMENTED) and (text := ast.get_docstring(node)) and QUESTION.match(text)
    }


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_docstring_opens_with_a_question_word(folder: str) -> None:
    found = {
        f"{path.relative_to(ROOT)}: {name}": line
        for path in sorted((ROOT / folder).rglob("*.py"))
        for name, line in openings(path.read_text(encoding="utf-8")).items()
    }
    assert not found


def test_the_check_sees_them() -> None:
    source = '"""What it is."""\ndef f():\n    """Return it."""\nclass C:\n    """Whether."""\n'
    assert openings(source) == {"the module": "What it is.", "C": "Whether."}

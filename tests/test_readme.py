"""The README tells the truth: its commands exist, its tree is the tree, its pictures are there."""

import re
import shlex
from pathlib import Path

import pytest

from livemusviz.cli import COMMANDS, main

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
TREE = README.split("```")[-2]


def test_every_module_has_its_place_in_the_tree() -> None:
    for path in sorted((ROOT / "livemusviz").rglob("*.py")):
        if not path.name.startswith("__") and "embedded" not in path.parts:
            assert re.search(rf"\b{re.escape(path.name)}\b", TREE), path


def test_every_name_in_the_tree_exists() -> None:
    existing = {path.name for path in ROOT.rglob("*") if ".venv" not in path.parts}
    for name in re.findall(r"[\w.-]+\.(?:py|sh|toml|md)\b", TREE):
        assert name in existing, name


def test_pictures_are_there() -> None:
    for name in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", README):
        assert (ROOT / name).is_file(), name


def commands() -> list[str]:
    blocks = re.findall(r"```sh\n(.*?)```", README, re.DOTALL) + re.findall(r"`(livemusviz [^`]+)`", README)
    return [
        line.split("#")[0].strip()
        for block in blocks
        for line in block.replace("\\\n", " ").splitlines()
        if line.startswith("livemusviz")
    ]


@pytest.mark.parametrize("line", commands())
def test_commands_parse(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = [word for word in shlex.split(line)[1:] if not word.startswith("[")]
    name = words[0] if words and not words[0].startswith("-") else "live"
    assert name in COMMANDS
    with pytest.raises(SystemExit) as caught:  # --help parses the rest and runs nothing
        main([*words, "--help"])
    assert caught.value.code == 0


def test_make_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"^make ([\w-]+)", README, re.MULTILINE):
        assert f"\n{target}:" in makefile, target

"""README and docs are true: links lead somewhere, commands parse, pictures exist, the file tree is complete."""

import re
import shlex
from pathlib import Path

import pytest

from livemusviz.cli import COMMANDS, main

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), ROOT / "training/README.md"])
PACKAGE = ROOT / "livemusviz"
README = ROOT / "README.md"
TREE = (ROOT / "docs/ARCHITECTURE.md").read_text().split("```")[-2]
README_LINES = 160


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def prose(page: Path) -> str:
    """Return the page without its blocks of code."""
    return re.sub(r"^```.*?^```", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)


def links(page: Path) -> list[str]:
    text = re.sub(r"`[^`\n]*`", "", prose(page))
    return re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r'(?:src|href)="([^"]+)"', text)


def anchors(page: Path) -> set[str]:
    """Return the anchors of the page's headings, as forges make them."""
    titles = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    for link in links(page):
        if re.match(r"https?://", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{link}: no such file"
        assert target.is_relative_to(ROOT), f"{link}: outside the project"
        assert not anchor or anchor in anchors(target), f"{link}: no such heading"


def test_the_link_checker_sees_links(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text('# A title: here\n[a](b.md#c) ![p](p.png) <img src="i.png"> `[no](no.md)`\n```\n[no](no.md)\n```\n')
    assert links(page) == ["b.md#c", "p.png", "i.png"]
    assert anchors(page) == {"a-title-here"}


def test_every_page_is_linked_from_the_readme() -> None:
    linked = {(ROOT / link.partition("#")[0]).resolve() for link in links(README)}
    assert {page for page in PAGES if page.parent == ROOT / "docs"} <= linked


def test_readme_is_short() -> None:
    assert len(README.read_text().splitlines()) <= README_LINES


def test_every_module_has_its_place_in_the_tree() -> None:
    for path in sorted(PACKAGE.rglob("*.py")):
        if not path.name.startswith("__") and "embedded" not in path.parts:
            assert re.search(rf"\b{re.escape(path.name)}\b", TREE), path


def test_the_tree_names_everything_at_the_top() -> None:
    described = {word.rstrip("/") for line in TREE.splitlines() for word in re.findall(r"[\w.-]+/?", line[:40])}
    for folder in (ROOT, PACKAGE):
        for path in folder.iterdir():
            if path.is_dir() and any(path.rglob("*.py")) and not path.name.startswith((".", "__")):
                assert path.name in described, path
    for path in PACKAGE.glob("*.py"):
        assert path.name in described or path.name.startswith("__"), path


def test_every_name_in_the_tree_exists() -> None:
    existing = {path.name for path in ROOT.rglob("*") if ".venv" not in path.parts}
    for name in re.findall(r"[\w.-]+\.(?:py|sh|toml|md)\b", TREE):
        assert name in existing, name


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_files_that_the_page_names_exist(page: Path) -> None:
    folders = (ROOT, PACKAGE, page.parent)
    names = {path.name for path in PACKAGE.rglob("*.py")}
    for name in re.findall(r"`([\w./-]+\.(?:py|sh|ps1|toml|md|cpp))`", page.read_text()):
        users = name.startswith(("~", "/")) or "NAME" in name or ("/" not in name and name.endswith(".toml"))
        assert users or name in names or any((folder / name).exists() for folder in folders), f"{name}: no such file"


def commands() -> list[str]:
    """Return every command line of livemusviz in the pages, in blocks of shell and in the text."""
    text = "\n".join(page.read_text() for page in PAGES)
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL) + re.findall(r"`(livemusviz [^`]+)`", text)
    lines = (line.split("#")[0].strip() for block in blocks for line in block.replace("\\\n", " ").splitlines())
    return sorted({line for line in lines if line.startswith("livemusviz")})


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
    for page in PAGES:
        for target in re.findall(r"^make ([\w-]+)", page.read_text(), re.MULTILINE):
            assert f"\n{target}:" in makefile, target

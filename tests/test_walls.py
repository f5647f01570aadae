"""The house's walls, read from the imports: which room may import which heavy library and which other room."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "livemusviz"

HEAVY = {
    "mlx": {"diffusion"},
    "tokenizers": {"diffusion"},
    "safetensors": {"diffusion"},
    "sounddevice": {"audio"},
    "soundfile": {"audio"},
    "soxr": {"audio"},
    "aubio": {"audio", "features"},
    "pyglet": {"display"},
    "moderngl": {"display"},
    "av": {"audio", "record"},
    "pythonosc": {"control"},
    "huggingface_hub": {"cli"},
    "websockets": {"control"},
    "zeroconf": {"control"},
    "segno": {"control"},
    "mido": {"control"},
    "rtmidi": {"control"},
    "aalink": {"control"},
    "psutil": {""},
    "resource": {""},
    "PIL": {"cli", "control", "display"},
}
FORBIDDEN = {"torch", "diffusers", "transformers"}
PURE = {"director", "params"}
IMPURE = {
    "threading",
    "multiprocessing",
    "time",
    "os",
    "pathlib",
    "socket",
    "logging",
    "subprocess",
    "random",
    "asyncio",
}
THREAD_FILES = {"audio/file.py"}  # plays a file in the place of PortAudio's own callback thread
CATCH_ALLS = {  # libraries that raise bare `Exception`, each caught at one place
    "display/context.py": "moderngl",
    "diffusion/tokenizer.py": "tokenizers",
}
ROOMS = {"audio", "features", "director", "diffusion", "display", "record", "control"}
GROUND = {"bridge", "params"}  # everyone may import these; they import the standard library, numpy and errors alone
# The audio process holds two rooms; everything else meets in show.py and the command line.
# A recording may hold the sound of a track as the track itself has it.
NEIGHBOURS = {"audio": {"features"}, "record": {"audio"}}


def modules() -> list[Path]:
    return sorted(path for path in PACKAGE.rglob("*.py"))


def inside(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def room_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE).parts
    return parts[0] if len(parts) > 1 else ""


def imports_of(path: Path) -> set[str]:
    """Every module imported anywhere in the file, whole dotted names."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: import by absolute name"
            module = node.module or ""
            names.update({module} | {f"{module}.{alias.name}" for alias in node.names})
    return names


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_stay_within_the_walls(path: Path) -> None:
    room = room_of(path)
    for name in imports_of(path):
        top = name.split(".")[0]
        assert top not in FORBIDDEN, f"the product imports {top}"
        if top in HEAVY:
            assert room in HEAVY[top], f"{room or 'the top'} imports {top}"
        if room in GROUND:
            assert top in {"numpy", "livemusviz"} or top in sys_stdlib(), f"{room} imports {top}"
        if room in PURE:
            assert top not in IMPURE, f"{room} is pure but imports {top}"
        parts = name.split(".")
        if top == "livemusviz" and len(parts) > 1 and parts[1] in ROOMS and room in ROOMS | GROUND:
            allowed = {room} | NEIGHBOURS.get(room, set())
            assert parts[1] in allowed, f"{room} imports {name}"


def sys_stdlib() -> frozenset[str]:
    import sys

    return sys.stdlib_module_names


def test_no_heavy_library_is_imported_with_the_package() -> None:
    import subprocess
    import sys

    code = "import sys, livemusviz.cli; print(' '.join(sorted({m.split('.')[0] for m in sys.modules})))"
    loaded = set(
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    )
    assert not loaded & (set(HEAVY) | FORBIDDEN | {"numpy"})


def test_threads_are_visible_as_files() -> None:
    for path in modules():
        if "threading.Thread(" in path.read_text():
            assert path.name == "loop.py" or inside(path) in THREAD_FILES, f"{path} starts a thread"


def test_only_loops_catch_everything() -> None:
    for path in modules():
        for node in ast.walk(ast.parse(path.read_text())):
            broad = isinstance(node, ast.ExceptHandler) and (
                node.type is None
                or (isinstance(node.type, ast.Name) and node.type.id in {"Exception", "BaseException"})
            )
            allowed = path.name == "loop.py" or inside(path) in CATCH_ALLS
            assert allowed or not broad, f"{path}:{getattr(node, 'lineno', 0)} catches everything"

"""The house's walls, read from the imports: which room may import which heavy library and which other room."""

import ast
import graphlib
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "livemusviz"

HEAVY = {
    "mlx": {"diffusion"},
    "tokenizers": {"diffusion"},
    "transformers": {"diffusion"},  # its tokenizers alone
    "safetensors": {"diffusion"},
    "sounddevice": {"audio"},
    "soundfile": {"audio"},
    "soxr": {"audio"},
    "aubio": {"audio", "features"},
    "pyglet": {"display"},
    "moderngl": {"display"},
    "av": {"audio", "record", "sinks", "sources"},
    "NDIlib": {"sinks", "sources"},
    "syphon": {"sinks", "sources"},
    "SpoutGL": {"sinks", "sources"},
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
    "PIL": {"cli", "control", "display", "sources"},
}
FORBIDDEN = {"torch", "diffusers"}
PURE = {"director", "params", "session", "isf"}
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
# Which rooms a room may import. The live show, the render and the command line may import all.
ROOMS: dict[str, set[str]] = {
    "params": set(),
    "bridge": set(),
    "isf": set(),
    "features": set(),
    "audio": {"features"},  # both are in the audio process
    "director": {"isf"},
    "session": {"director", "isf"},
    "diffusion": set(),
    "display": {"isf"},
    "record": {"audio"},  # a recording may hold the sound of a track as the track has it
    "sinks": {"record", "features"},  # a stream has a recording's encoder, grid and timeline, and the sound's blocks
    "sources": set(),
    "control": set(),
}
ABOVE = {"live", "render", "cli"}
GROUND = {"bridge": {"params"}, "params": set()}  # everyone may import these
# ... and these files.
COMMON = {"errors", "clock", "platforms", "documents", "resources", "budget", "figures", "signals"}
COMMON |= {"sizes", "curves", "names", "regular", "folders", "stills"}
MOST_ATTRIBUTES, MOST_METHODS = 18, 24


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


def imported_modules(path: Path) -> set[Path]:
    """The package's own modules that a file imports, wherever in the file and for whatever reason."""
    names = {name.removeprefix("livemusviz.") for name in imports_of(path) if name.startswith("livemusviz.")}
    files = {PACKAGE.joinpath(*name.split(".")).with_suffix(".py") for name in names}
    packages = {PACKAGE.joinpath(*name.split("."), "__init__.py") for name in names}
    return {file for file in files | packages if file.exists() and file != path}


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_rooms_know_only_the_rooms_below_them(path: Path) -> None:
    room = room_of(path)
    for other in imported_modules(path):
        place = room_of(other) or other.stem
        if place == room or room in ABOVE:
            continue
        if room in GROUND:
            assert place in GROUND[room] | COMMON, f"{inside(path)} imports {inside(other)}"
        elif room:
            assert place in ROOMS[room] | set(GROUND) | COMMON, f"{inside(path)} imports {inside(other)}"
        elif path.stem in COMMON:
            assert place in COMMON, f"{inside(path)} imports {inside(other)}"


def test_every_room_has_its_walls() -> None:
    assert {room_of(path) for path in modules()} - {""} == set(ROOMS) | ABOVE


def test_no_imports_go_round_in_a_circle() -> None:
    """Imports inside functions and for type checkers alone count like any other."""
    graph = {inside(path): {inside(other) for other in imported_modules(path)} for path in modules()}
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


def classes(path: Path) -> list[ast.ClassDef]:
    return [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.ClassDef)]


def methods_of(node: ast.ClassDef) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    return [each for each in node.body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)]


def attributes_of(node: ast.ClassDef) -> set[str]:
    """Everything that a class's methods assign to `self`."""
    targets = [
        target
        for method in methods_of(node)
        for each in ast.walk(method)
        for target in ast.walk(each)
        if isinstance(target, ast.Attribute) and isinstance(target.ctx, ast.Store)
    ]
    return {each.attr for each in targets if isinstance(each.value, ast.Name) and each.value.id == "self"}


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_class_is_too_large_to_hold_in_mind(path: Path) -> None:
    for node in classes(path):
        attributes, methods = attributes_of(node), methods_of(node)
        assert len(attributes) <= MOST_ATTRIBUTES, f"{node.name}: {len(attributes)} attributes"
        assert len(methods) <= MOST_METHODS, f"{node.name}: {len(methods)} methods"


def test_an_event_is_never_turned_into_an_attributes_name() -> None:
    """An event's effect stands in its declaration; no attribute is looked up by the name that came from outside."""
    for path in modules():
        if room_of(path) in {"session", "control", "live", "render", "director"}:
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "getattr":
                    assert "event" not in ast.unparse(node), f"{path}:{node.lineno}"


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

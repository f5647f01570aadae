"""livemusviz: a real-time visualizer for live music, as a program and as a library (docs/LIBRARY.md).

What the library offers is imported when it is first used; `__init__.pyi` tells type checkers the same names.
"""

from importlib import import_module

__version__ = "0.1.0"

_MODULES = {
    "analyse_track": "api",
    "load_pipeline": "api",
    "parameters": "api",
    "render_track": "api",
    "ControlOptions": "control.options",
    "LiveConfig": "live.config",
    "ModelSpec": "diffusion.spec",
    "RenderConfig": "render.options",
    "Show": "live.show",
    "UserError": "errors",
}
__all__ = ["__version__", *_MODULES]


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module 'livemusviz' has no attribute '{name}'")
    return getattr(import_module(f"livemusviz.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)

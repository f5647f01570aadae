"""Decides, once at the start of a show, what each part may take of the machine's cores. Pure.

In: the machine (`livemusviz.machine` reads it) and what the performer asked for. Out: numbers, each with its reason.

Two threads that multiply matrices wait for each other by spinning. Beside a display that holds a core they are slower
than one, so the display's core is not given to them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

FULL_RATE, HALF_RATE = 60.0, 30.0  # display frames a second
BLAS_MOST = 8  # threads; a frame's products are too small for more
ENCODER_MOST = 4  # threads
ROOMY = 8  # cores from which on the recorder may search longer for a smaller file
NICE, NICEST = 7, 10  # of the engine's threads
PRESETS = ("ultrafast", "superfast", "veryfast", "faster", "fast", "medium")  # of libx264, from cheap to dear


@dataclass(frozen=True, slots=True)
class Machine:
    """cores : that this process may keep busy, at least 1.  cpu_draws : OpenGL is done in software.

    cpu_engine : the model runs on the CPU.
    """

    cores: int
    cpu_draws: bool
    cpu_engine: bool

    def __str__(self) -> str:
        cores = f"{self.cores} core{'s' if self.cores > 1 else ''}"
        draws, computes = ("the CPU" if on_cpu else "a GPU" for on_cpu in (self.cpu_draws, self.cpu_engine))
        return f"{cores}, {draws} draws, {computes} runs the model"


@dataclass(frozen=True, slots=True)
class Wishes:
    """Holds the user's own settings; None leaves a field to the budget. The fields are those of `Budget`."""

    fps: float | None = None
    blas_threads: int | None = None
    encoder_threads: int | None = None
    encoder_preset: str | None = None
    first_rung: int | None = None
    engine_niceness: int | None = None


@dataclass(frozen=True, slots=True)
class Budget:
    """Holds the share of the machine that each part takes.

    fps : display frames a second.
    other_fps : rates that the quality ladder may choose.
    blas_threads : threads of the model's matrix products; None leaves it to the BLAS.
    encoder_threads, encoder_preset : of the recorder's H.264 encoder, where it runs on the CPU.
    first_rung : of the quality ladder; 0 draws everything.
    engine_niceness : of the engine's threads, 0 (as the others) to 19.
    shares_cores : True if display and engine compete for the same cores.
    machine : description of the machine.
    why : the reason of each field, by its name.
    """

    fps: float = FULL_RATE
    other_fps: tuple[float, ...] = ()
    blas_threads: int | None = None
    encoder_threads: int = 2
    encoder_preset: str = "ultrafast"
    first_rung: int = 0
    engine_niceness: int = NICE
    shares_cores: bool = False
    machine: str = ""
    why: Mapping[str, str] = field(default_factory=dict)

    def figures(self) -> dict[str, object]:
        """Return the fields as JSON takes them."""
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        return {**values, "other_fps": list(self.other_fps), "why": dict(self.why)}


Choice = tuple[Any, str]  # a value and its reason


def decide(machine: Machine, wishes: Wishes | None = None) -> Budget:
    """Return the budget for `machine`; what `wishes` sets is kept as it is."""
    wishes = wishes or Wishes()
    shares = machine.cpu_draws and machine.cpu_engine
    decided: dict[str, Choice] = {
        "fps": _fps(machine, shares),
        "blas_threads": _blas_threads(machine),
        "encoder_threads": _encoder_threads(machine),
        "encoder_preset": _encoder_preset(machine),
        "first_rung": _first_rung(machine, shares),
        "engine_niceness": _engine_niceness(machine, shares),
    }
    wished = {name: getattr(wishes, name) for name in decided}
    chosen = decided | {name: (value, "set by hand") for name, value in wished.items() if value is not None}
    rates = (FULL_RATE, HALF_RATE) if shares and wishes.fps is None else ()
    return Budget(
        **{name: value for name, (value, _) in chosen.items()},
        other_fps=tuple(rate for rate in rates if rate != chosen["fps"][0]),
        shares_cores=shares,
        machine=str(machine),
        why={name: reason for name, (_, reason) in chosen.items()},
    )


def _fps(machine: Machine, shares: bool) -> Choice:
    if shares and machine.cores <= 2:
        return HALF_RATE, "the CPU draws and runs the model on few cores: half the rate gives the model more pictures"
    return FULL_RATE, "the usual rate of a screen"


def _blas_threads(machine: Machine) -> Choice:
    if not machine.cpu_engine:
        return None, "the model runs on a GPU"
    threads = min(max(1, machine.cores - 1), BLAS_MOST)
    return threads, "one core is left to the display and the sound" if machine.cores > 1 else "there is one core"


def _encoder_threads(machine: Machine) -> Choice:
    threads = min(max(1, machine.cores // 2), ENCODER_MOST)
    return threads, "half of the cores, at most 4"


def _encoder_preset(machine: Machine) -> Choice:
    if machine.cores >= ROOMY and not machine.cpu_draws:
        return "veryfast", "there are cores for a smaller file"
    return "ultrafast", "the cheapest: the cores belong to the show"


def _first_rung(machine: Machine, shares: bool) -> Choice:
    if shares and machine.cores == 1:
        return 1, "one core draws and runs the model: three quarters of the canvas's sides"
    return 0, "everything"


def _engine_niceness(machine: Machine, shares: bool) -> Choice:
    if machine.cores == 1 and shares:
        return NICEST, "one core: the display comes first by a wide margin"
    return NICE, "the display gets a core first"

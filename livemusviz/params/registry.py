"""The registry: every knob is declared here once. Pure.

From it come the command line flags, preset keys, OSC addresses, the OSCQuery tree, MIDI targets, the web remote and
the table in docs/CONTROL.md. A value that is not of the declared type or range raises a `UserError`; none is clamped.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from livemusviz.errors import UserError, suggest
from livemusviz.params.lists import show_value
from livemusviz.params.param import MAX_ENTRIES, MAX_PROMPT, MAX_TEXTS, Param


def _number(name: str, default: float, low: float, high: float, unit: str, doc: str, address: str = "") -> Param:
    return Param(name, "float", default, low, high, unit, doc, address or f"/{name}", modulated=True)


def _switch(name: str, doc: str, address: str = "", default: bool = False, preset: bool = False) -> Param:
    return Param(name, "bool", default, 0, 1, "", doc, address or f"/{name}", preset=preset)


def _action(name: str, doc: str, address: str = "", longest: int = 0, quantised: bool = False) -> Param:
    return Param(name, "action", None, 0, longest, "", doc, address or f"/{name}", preset=False, quantised=quantised)


def _choice(name: str, choices: tuple[str, ...], doc: str, address: str = "") -> Param:
    return Param(name, "choice", choices[0], 0, 0, "", doc, address or f"/{name}", preset=False, choices=choices)


QUANTISE = ("none", "beat", "bar", "2_bar", "4_bar")
TEMPO_SOURCES = ("auto", "audio", "tap", "link", "midi")
MAX_SEED = 2**31 - 1

PARAMS: tuple[Param, ...] = (
    Param(
        "prompt", "str", "aurora over a dark sea", 1, MAX_PROMPT, "", "what to paint", "/prompt", quantised=True
    ),
    Param(
        "prompt_list", "prompts", (), 1, MAX_PROMPT, "", 'a blend of prompts, [["text", weight], ...]; [] is none',
        "/prompt_list", quantised=True,
    ),
    Param(
        "negative_prompt", "str", "", 0, MAX_PROMPT, "", "what not to paint, where guidance is on", "/negative_prompt"
    ),
    _number("fade", 2.0, 0.0, 60.0, "s", "length of a prompt cross-fade"),
    Param(
        "cue_list", "prompts", (), 1, MAX_PROMPT, "", 'prompts to play in turn, ["text", ...]; weights are for random',
        "/cue/list",
    ),
    Param(
        "cue_number", "int", 0, 0, MAX_ENTRIES, "", "which cue plays, from 1; 0 is none", "/cue/number", preset=False,
        quantised=True,
    ),
    _action("cue_next", "fade to the next cue", "/cue/next", quantised=True),
    _action("cue_previous", "fade to the cue before", "/cue/previous", quantised=True),
    _action("cue_random", "fade to another cue", "/cue/random", quantised=True),
    Param(
        "preset", "str", "", 0, 64, "", "switch to a preset by name, or to entry 3 by #3", "/preset", preset=False,
        quantised=True,
    ),
    _action("next", "the next preset, or entry of the playlist", quantised=True),
    _action("previous", "the one before", quantised=True),
    _action("random", "any other", quantised=True),
    _switch("lock", "the autopilot rests"),
    Param("autopilot", "float", 0.0, 0.0, 7200.0, "s", "how long a preset stays; 0 is for ever", "/autopilot", False),
    _action("preset_save", "save what is on the stage as a preset of your own", "/preset/save", longest=64),
    Param("seed", "int", 1, 0, MAX_SEED, "", "which circle of noise the walk turns on", "/seed", quantised=True),
    Param(
        "seed_list", "seeds", (), 0, MAX_SEED, "", "a blend of seeds, [[seed, weight], ...]; [] is none", "/seed_list",
        quantised=True,
    ),
    _number("gain", 1.0, 0.0, 32.0, "x", "input gain, before automatic gain control"),
    _number("latent_feedback_strength", 0.35, 0.0, 0.95, "", "share of the previous denoised latent in the next"),
    _number("walk_speed", 0.12, 0.0, 4.0, "turns/s", "speed of the latent walk at full energy"),
    _number("walk_rest", 0.008, 0.0, 1.0, "turns/s", "speed of the latent walk at rest"),
    _number("walk_kick", 0.02, 0.0, 0.5, "turns", "how far a full onset kicks the latent walk"),
    _switch("walk_lock", "where the tempo is sure, whole turns of the walk take whole bars", default=True, preset=True),
    Param("walk_loop", "int", 0, 0, 64, "bars", "the walk comes round exactly after so many; 0 never", "/walk_loop"),
    _number("latent_zoom", 0.0, -2.0, 2.0, "1/s", "zoom of the fed-back latents, on the beat"),
    _number("latent_turn", 0.0, -3.0, 3.0, "rad/s", "rotation of the fed-back latents, on the beat"),
    _number("latent_pan_x", 0.0, -1.0, 1.0, "1/s", "drift of the fed-back latents to the right, on the beat"),
    _number("latent_pan_y", 0.0, -1.0, 1.0, "1/s", "drift of the fed-back latents downwards, on the beat"),
    _number("latency_offset", 0.0, -0.5, 0.5, "s", "how much later than the input the sound is heard (PA, broadcast)"),
    Param("note_prompts", "str", "", 0, MAX_TEXTS, "", "prompts of the notes from C on, bars between", "/note/prompts"),
    Param("note_mode", "int", 0, 0, 2, "", "notes' prompts: 0 off, 1 strongest note, 2 all of lately", "/note/mode"),
    _number("note_depth", 0.5, 0.0, 1.0, "", "share of the notes' prompts at most", "/note/depth"),
    _number("note_seconds", 1.5, 0.05, 30.0, "s", "how slowly the notes' prompts come and go", "/note/seconds"),
    Param("section_prompts", "str", "", 0, MAX_TEXTS, "", "prompts that take turns, bars between", "/section/prompts"),
    Param("section_bars", "int", 0, 0, 256, "bars", "after how many; 0 is when the music changes", "/section/bars"),
    _number("prompt_hold", 30.0, 0.0, 600.0, "s", "how long the music leaves the performer's prompt alone"),
    _number("ssf", 0.95, 0.0, 1.0, "", "similarity filter: 0 computes every frame, 1 rests whenever the music does"),
    _number("zoom", 0.5, 0.0, 1.0, "", "feedback zoom of the display", "/fx/feedback/zoom"),
    _number("pulse", 0.6, 0.0, 1.0, "", "how hard an onset strikes the feedback zoom", "/fx/feedback/pulse"),
    _number("guidance_scale", 1.0, 0.0, 30.0, "", "how strictly the prompt is followed, where guidance is on"),
    _number("delta", 1.0, 0.0, 10.0, "", "weight of the residual noise in guidance (R-CFG)"),
    Param(
        "num_inference_steps", "int", 0, 0, 50, "", "denoising steps of a frame; 0 is as the model was loaded",
        "/num_inference_steps",
    ),
    Param("t_list", "ints", (), 0, 49, "", "time steps, by index into a schedule of 50; none is as loaded", "/t_list"),
    _number("lora_weight", 1.0, -4.0, 4.0, "x", "factor on the weights of live LoRAs"),
    _choice("quantise", QUANTISE, "when a new prompt, cue, seed or preset begins"),
    _choice("tempo_source", TEMPO_SOURCES, "which tempo leads; auto: link, midi, tap, audio", "/tempo/source"),
    Param("bpm", "float", 120.0, 20.0, 300.0, "bpm", "tempo; setting it is like tapping it", "/bpm", preset=False),
    Param("beats_per_bar", "int", 4, 1, 16, "", "beats in a bar", "/tempo/beats_per_bar"),
    _action("tap", "tap the tempo, on the beat"),
    Param(
        "nudge", "float", 0.0, -0.5, 0.5, "beats", "move the beat by this much, each time it is sent", "/tempo/nudge",
        preset=False,
    ),
    _action("tempo_double", "twice the tempo", "/tempo/double"),
    _action("tempo_half", "half the tempo", "/tempo/half"),
    _action("tempo_resync", "the bar begins now", "/tempo/resync"),
    _switch("blackout", "black canvas"),
    _switch("freeze", "hold the canvas as it is"),
    _switch("hud", "operator's figures over the window, never recorded"),
    _action("record_start", "start recording; the text becomes part of the file's name", "/record/start", longest=64),
    _action("record_stop", "stop recording", "/record/stop"),
    _action("learn", "the next MIDI control moves this address: /gain, /gain 0 2, /freeze toggle", longest=200),
    _action("forget", "no MIDI control moves this address", longest=128),
)  # fmt: skip


class Registry:
    """Parameters by name and by address. Immutable; `plus` gives one with more, as a shader's inputs."""

    def __init__(self, params: Iterable[Param]) -> None:
        self.params = tuple(params)
        self.by_name: Mapping[str, Param] = {param.name: param for param in self.params}
        self.by_address: Mapping[str, Param] = {param.address: param for param in self.params}
        if not len(self.by_name) == len(self.by_address) == len(self.params):
            raise ValueError("two parameters of one name or address")
        self.actions = frozenset(param.name for param in self.params if param.kind == "action")

    def plus(self, params: Iterable[Param]) -> Registry:
        return Registry((*self.params, *params))

    def lookup(self, name: str) -> Param:
        """The parameter of that name; a UserError that names the nearest one otherwise."""
        if name in self.by_name:
            return self.by_name[name]
        raise UserError(f"no parameter {show_value(name)}; {suggest(name, self.by_name)}")


REGISTRY = Registry(PARAMS)
BY_NAME = REGISTRY.by_name
BY_ADDRESS = REGISTRY.by_address
ACTIONS = REGISTRY.actions


def lookup(name: str) -> Param:
    """The parameter of that name in the registry of the program itself; a UserError otherwise."""
    return REGISTRY.lookup(name)

"""Declares every parameter and action of a show, once. Pure.

From here come the command line flags, preset keys, OSC addresses, the OSCQuery tree, MIDI targets, the web remote and
the table of docs/CONTROL.md. A new parameter is one field here and one use of it.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from livemusviz.params.declare import (
    LIVE,
    QUANTISED,
    UNLEARNED,
    Action,
    Address,
    Does,
    Ints,
    Length,
    Prompts,
    Range,
    Resets,
    Seeds,
)  # fmt: skip
from livemusviz.params.param import MAX_ENTRIES, MAX_PROMPT, MAX_TEXTS

Quantise = Literal["none", "beat", "bar", "2_bar", "4_bar"]
TempoSource = Literal["auto", "audio", "tap", "link", "midi"]
FlashLimit = Literal["off", "wcag", "broadcast"]
ControlScale = Annotated[float, Range(0.0, 2.0, "x"), "weight of that --control's residuals; 0 computes none"]
ControlEnabled = Annotated[bool, "whether that --control is computed"]
ControlInterval = Annotated[int, Range(1, 16, "frames"), "frames that use the same residuals of that --control"]
MAX_SEED = 2**31 - 1
MAX_CONTROLS = 4


def control_params(n: int) -> tuple[str, str, str]:
    """Return the names of the parameters of ControlNet `n`, from 1: scale, enabled, interval."""
    return f"control_{n}_scale", f"control_{n}_enabled", f"control_{n}_interval"


@dataclass(frozen=True, slots=True)
class Params:
    """Holds a value for every parameter. Checked values come from `ParamValues.with_values`."""

    # --- prompts, presets and seeds ---
    prompt: Annotated[str, Length(1, MAX_PROMPT), "what to paint", QUANTISED, Resets("prompt_list", "cue_number")] = (
        "aurora over a dark sea"
    )
    prompt_list: Annotated[
        Prompts,
        Length(1, MAX_PROMPT),
        'a blend of prompts, [["text", weight], ...]; [] is none',
        QUANTISED,
        Resets("cue_number"),
    ] = ()
    negative_prompt: Annotated[str, Length(0, MAX_PROMPT), "what not to paint, where guidance is on"] = ""
    fade: Annotated[float, Range(0.0, 60.0, "s"), "length of a prompt cross-fade"] = 2.0
    cue_list: Annotated[
        Prompts, Length(1, MAX_PROMPT), Address("/cue/list"),
        'prompts to play in turn, ["text", ...]; weights are for random', Resets("cue_number"),
    ] = ()  # fmt: skip
    cue_number: Annotated[
        int,
        Range(0, MAX_ENTRIES),
        Address("/cue/number"),
        "which cue plays, from 1; 0 is none",
        LIVE,
        QUANTISED,
        Does(lambda session, number, time: session.play_cue(number, time)),
    ] = 0
    cue_next: ClassVar[Action] = Action(
        "fade to the next cue",
        Address("/cue/next"),
        QUANTISED,
        do=lambda session, _, time: session.step_cue("next", time),
    )
    cue_previous: ClassVar[Action] = Action(
        "fade to the cue before",
        Address("/cue/previous"),
        QUANTISED,
        do=lambda session, _, time: session.step_cue("previous", time),
    )
    cue_random: ClassVar[Action] = Action(
        "fade to another cue",
        Address("/cue/random"),
        QUANTISED,
        do=lambda session, _, time: session.step_cue("random", time),
    )
    preset: Annotated[
        str,
        Length(0, 64),
        "switch to a preset by name, or to entry 3 by #3",
        LIVE,
        QUANTISED,
        Does(lambda session, name, _: session.load_preset(name)),
    ] = ""
    next: ClassVar[Action] = Action(
        "the next preset, or entry of the playlist", QUANTISED, do=lambda session, *_: session.step_preset("next")
    )
    previous: ClassVar[Action] = Action(
        "the one before", QUANTISED, do=lambda session, *_: session.step_preset("previous")
    )
    random: ClassVar[Action] = Action("any other", QUANTISED, do=lambda session, *_: session.step_preset("random"))
    lock: Annotated[bool, "the autopilot rests", LIVE] = False
    autopilot: Annotated[float, Range(0.0, 7200.0, "s"), "how long a preset stays; 0 is for ever", LIVE] = 0.0
    preset_save: ClassVar[Action] = Action(
        "save what is on the stage as a preset of your own",
        Address("/preset/save"),
        Length(0, 64),
        do=lambda session, name, _: session.save_preset(name or ""),
    )
    seed: Annotated[
        int, Range(0, MAX_SEED), "which circle of noise the walk turns on", QUANTISED, Resets("seed_list")
    ] = 1
    seed_list: Annotated[
        Seeds, Range(0, MAX_SEED), "a blend of seeds, [[seed, weight], ...]; [] is none", QUANTISED
    ] = ()

    # --- the sound, and the walk that it drives ---
    input: Annotated[
        str, Length(0, 200), "audio input by name, as NAME, NAME#2 or NAME:3-4; empty is as started", LIVE
    ] = ""
    gain: Annotated[float, Range(0.0, 32.0, "x"), "input gain, before automatic gain control"] = 1.0
    sensitivity: Annotated[
        float, Range(0.25, 4.0, "x"), "how faint an onset may be: above 1 finds more of them, below 1 fewer", LIVE
    ] = 1.0
    latent_feedback_strength: Annotated[
        float, Range(0.0, 0.95), "share of the previous denoised latent in the next"
    ] = 0.35
    walk_speed: Annotated[float, Range(0.0, 4.0, "turns/s"), "speed of the latent walk at full energy"] = 0.12
    walk_rest: Annotated[float, Range(0.0, 1.0, "turns/s"), "speed of the latent walk at rest"] = 0.008
    walk_kick: Annotated[float, Range(0.0, 0.5, "turns"), "how far a full onset kicks the latent walk"] = 0.02
    walk_lock: Annotated[bool, "where the tempo is sure, whole turns of the walk take whole bars"] = True
    walk_loop: Annotated[int, Range(0, 64, "bars"), "the walk comes round exactly after so many; 0 never"] = 0
    latent_zoom: Annotated[float, Range(-2.0, 2.0, "1/s"), "zoom of the fed-back latents, on the beat"] = 0.0
    latent_turn: Annotated[float, Range(-3.0, 3.0, "rad/s"), "rotation of the fed-back latents, on the beat"] = 0.0
    latent_pan_x: Annotated[
        float, Range(-1.0, 1.0, "1/s"), "drift of the fed-back latents to the right, on the beat"
    ] = 0.0
    latent_pan_y: Annotated[float, Range(-1.0, 1.0, "1/s"), "drift of the fed-back latents downwards, on the beat"] = (
        0.0
    )
    latency_offset: Annotated[
        float, Range(-0.5, 0.5, "s"), "how much later than the input the sound is heard (PA, broadcast)"
    ] = 0.0

    # --- prompts that the music chooses ---
    note_prompts: Annotated[
        str, Length(0, MAX_TEXTS), Address("/note/prompts"), "prompts of the notes from C on, bars between"
    ] = ""
    note_mode: Annotated[
        int, Range(0, 2), Address("/note/mode"), "notes' prompts: 0 off, 1 strongest note, 2 all of lately"
    ] = 0
    note_depth: Annotated[float, Range(0.0, 1.0), Address("/note/depth"), "share of the notes' prompts at most"] = 0.5
    note_seconds: Annotated[
        float, Range(0.05, 30.0, "s"), Address("/note/seconds"), "how slowly the notes' prompts come and go"
    ] = 1.5
    section_prompts: Annotated[
        str, Length(0, MAX_TEXTS), Address("/section/prompts"), "prompts that take turns, bars between"
    ] = ""
    section_bars: Annotated[
        int, Range(0, 256, "bars"), Address("/section/bars"), "after how many; 0 is when the music changes"
    ] = 0
    prompt_hold: Annotated[float, Range(0.0, 600.0, "s"), "how long the music leaves the performer's prompt alone"] = (
        30.0
    )

    # --- pictures to paint by ---
    picture: Annotated[
        str,
        Length(0, 200),
        "picture to start every frame from: camera, camera:NAME, video:FILE, FILE, screen, ndi:NAME, syphon:NAME, "
        "spout:NAME or none; empty is as started",
        LIVE,
    ] = ""
    strength: Annotated[float, Range(0.0, 1.0), "how far from that picture; 1 paints from noise alone"] = 0.6
    picture_mirror: Annotated[bool, Address("/picture/mirror"), "left and right of the picture exchanged"] = False

    # --- how the engine draws ---
    model: Annotated[str, Length(0, 200), "model by name, of the cache or of --models; empty is as started", LIVE] = ""
    ssf: Annotated[
        float, Range(0.0, 1.0), "similarity filter: 0 computes every frame, 1 rests whenever the music does"
    ] = 0.95
    zoom: Annotated[float, Range(0.0, 1.0), Address("/fx/feedback/zoom"), "feedback zoom of the display"] = 0.5
    pulse: Annotated[
        float, Range(0.0, 1.0), Address("/fx/feedback/pulse"), "how hard an onset strikes the feedback zoom"
    ] = 0.6
    frame_fade: Annotated[
        float, Range(0.0, 2.0, "s"), "least length of the cross-fade between frames: longer is smoother"
    ] = 0.0
    sway: Annotated[float, Range(0.0, 1.0), "how far a picture sways while it rests"] = 1.0
    guidance_scale: Annotated[float, Range(0.0, 30.0), "how strictly the prompt is followed, where guidance is on"] = (
        1.0
    )
    delta: Annotated[float, Range(0.0, 10.0), "weight of the residual noise in guidance (R-CFG)"] = 1.0
    num_inference_steps: Annotated[int, Range(0, 50), "denoising steps of a frame; 0 is as the model was loaded"] = 0
    t_list: Annotated[Ints, Range(0, 49), "time steps, by index into a schedule of 50; none is as loaded"] = ()
    cached_attention: Annotated[
        float, Range(0.0, 1.0), "how much self-attention looks at earlier frames too, where the model has it; 0 is off"
    ] = 0.0
    cache_frames: Annotated[int, Range(1, 4, "frames"), "how many earlier frames it looks at"] = 1
    cache_interval: Annotated[int, Range(1, 60, "frames"), "after how many one of them is replaced"] = 4
    lora_weight: Annotated[float, Range(-4.0, 4.0, "x"), "factor on the weights of live LoRAs"] = 1.0

    # --- structure: the ControlNets, in the order in which they were given ---
    control_1_scale: Annotated[ControlScale, Address("/control/1/scale")] = 0.0
    control_1_enabled: Annotated[ControlEnabled, Address("/control/1/enabled")] = True
    control_1_interval: Annotated[ControlInterval, Address("/control/1/interval")] = 1
    control_2_scale: Annotated[ControlScale, Address("/control/2/scale")] = 0.0
    control_2_enabled: Annotated[ControlEnabled, Address("/control/2/enabled")] = True
    control_2_interval: Annotated[ControlInterval, Address("/control/2/interval")] = 1
    control_3_scale: Annotated[ControlScale, Address("/control/3/scale")] = 0.0
    control_3_enabled: Annotated[ControlEnabled, Address("/control/3/enabled")] = True
    control_3_interval: Annotated[ControlInterval, Address("/control/3/interval")] = 1
    control_4_scale: Annotated[ControlScale, Address("/control/4/scale")] = 0.0
    control_4_enabled: Annotated[ControlEnabled, Address("/control/4/enabled")] = True
    control_4_interval: Annotated[ControlInterval, Address("/control/4/interval")] = 1

    # --- style: pictures beside the prompt, by an IP-Adapter ---
    style: Annotated[str, Length(0, 64), "style picture by name, of those of --style; empty is none",
                     Resets("style_list")] = ""  # fmt: skip
    style_list: Annotated[
        Prompts, Length(1, 64), Address("/style/list"), 'a blend of styles, [["name", weight], ...]; [] is none'
    ] = ()
    style_scale: Annotated[float, Range(0.0, 2.0, "x"), Address("/style/scale"), "weight of the style"] = 1.0

    # --- the tempo ---
    quantise: Annotated[Quantise, "when a new prompt, cue, seed or preset begins", LIVE] = "none"
    tempo_source: Annotated[
        TempoSource,
        Address("/tempo/source"),
        "which tempo leads; auto: link, midi, tap, audio",
        LIVE,
        Does(lambda session, source, _: session.lead_tempo(source)),
    ] = "auto"
    bpm: Annotated[
        float,
        Range(20.0, 300.0, "bpm"),
        "tempo; setting it is like tapping it",
        LIVE,
        Does(lambda session, bpm, time: session.tempo.set_bpm(bpm, time)),
    ] = 120.0
    beats_per_bar: Annotated[int, Range(1, 16), Address("/tempo/beats_per_bar"), "beats in a bar"] = 4
    tap: ClassVar[Action] = Action("tap the tempo, on the beat", do=lambda session, _, time: session.tempo.tap(time))
    nudge: Annotated[
        float,
        Range(-0.5, 0.5, "beats"),
        Address("/tempo/nudge"),
        "move the beat by this much, each time it is sent",
        LIVE,
        Does(lambda session, beats, time: session.tempo.nudge(beats, time)),
    ] = 0.0
    tempo_double: ClassVar[Action] = Action(
        "twice the tempo", Address("/tempo/double"), do=lambda session, _, time: session.tempo.scale(2.0, time)
    )
    tempo_half: ClassVar[Action] = Action(
        "half the tempo", Address("/tempo/half"), do=lambda session, _, time: session.tempo.scale(0.5, time)
    )
    tempo_resync: ClassVar[Action] = Action(
        "the bar begins now", Address("/tempo/resync"), do=lambda session, _, time: session.tempo.resync(time)
    )

    # --- the canvas, recordings, controllers ---
    blackout: Annotated[bool, "black canvas", LIVE] = False
    freeze: Annotated[bool, "hold the canvas as it is", LIVE] = False
    flash_limit: Annotated[
        FlashLimit, "flashes held back: none, over three a second (WCAG 2.2), or as broadcasters ask as well"
    ] = "broadcast"
    hud: Annotated[bool, "operator's figures over the window, never recorded", LIVE] = False
    map_grid: Annotated[bool, Address("/map/grid"), "a test grid on the screens, never recorded", LIVE] = False
    map_blend: Annotated[
        float, Range(0.0, 0.5), Address("/map/blend"), "share of a screen that two side by side both show", LIVE
    ] = 0.0
    map_pin: ClassVar[Action] = Action(
        "move a corner: [SCREEN] top_left, top_right, bottom_right or bottom_left, X Y in shares of the screen",
        Address("/map/pin"),
        Length(1, 64),
        do=lambda session, text, _: session.change_map("pin", text),
    )
    map_edge: ClassVar[Action] = Action(
        "soft edges: [SCREEN] LEFT RIGHT TOP BOTTOM, 0..0.5 of the picture",
        Address("/map/edge"),
        Length(1, 64),
        do=lambda session, text, _: session.change_map("edge", text),
    )
    map_turn: ClassVar[Action] = Action(
        "turn the picture: [SCREEN] 0, 90, 180 or 270 degrees clockwise",
        Address("/map/turn"),
        Length(1, 64),
        do=lambda session, text, _: session.change_map("turn", text),
    )
    map_reset: ClassVar[Action] = Action(
        "no pins, edges or turn: [SCREEN]",
        Address("/map/reset"),
        Length(0, 64),
        do=lambda session, text, _: session.change_map("reset", text),
    )
    record_start: ClassVar[Action] = Action(
        "start recording; the text becomes part of the file's name",
        Address("/record/start"),
        Length(0, 64),
        do=lambda session, label, _: session.start_recording(label),
    )
    record_stop: ClassVar[Action] = Action(
        "stop recording", Address("/record/stop"), do=lambda session, *_: session.stop_recording()
    )
    learn: ClassVar[Action] = Action(
        "the next MIDI control moves this address: /gain, /gain 0 2, /freeze toggle",
        Length(0, 200),
        UNLEARNED,
        do=lambda session, wish, _: session.learn_control(wish),
    )
    forget: ClassVar[Action] = Action(
        "no MIDI control moves this address",
        Length(0, 128),
        UNLEARNED,
        do=lambda session, address, _: session.forget_control(address),
    )

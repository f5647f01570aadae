"""The frozen values that cross threads and processes. numpy inside, never an `mx.array`.

Times are seconds on the `time.perf_counter` scale, which every process of one machine shares.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np

SAMPLE_RATE = 48_000  # Hz; the show's audio clock. Every source is resampled to it.
HOP = 256  # samples; one block, one AudioFeatures
CHANNELS = 2
SOUND_KEPT = 1024  # samples of the newest sound, for shaders that draw it
PITCH_CLASSES = 12
Chroma = tuple[float, ...]  # PITCH_CLASSES weights from C upwards
NO_CHROMA: Chroma = (0.0,) * PITCH_CLASSES

Prompt = str | tuple[tuple[str, float], ...]
"""What to paint: a text, or several with weights >= 0, of which only the ratios count."""


@dataclass(frozen=True, slots=True)
class AudioFeatures:
    """What is heard in one hop.

    time : s, capture time of the last sample of the hop.  sample : index of that sample since the stream began.
    level, bass, mid, treble : >= 0, relative to a slow average; 1.0 is as loud as lately.
    rms : linear full scale after --gain, before automatic gain.
    onset : an onset was found in this hop.  onset_strength : 0..1 envelope, jumps on an onset, then decays.
    onsets : onsets since the stream began.  energy : 0..1, drives the walk and the frame skipping; 0 is rest.
    bpm : 0 when unknown.  beat_phase : [0, 1), 0 on the beat.  bpm_confidence : 0..1.
    silent : below the noise gate, or no input at all.
    bass_hit, mid_hit, treble_hit : 0..1 envelope, jumps on an onset in that band, then decays.
    bass_presence, mid_presence, treble_presence : 0..1, slow; how much of what that band usually has is there: falls
    to 0 when the bass drops out.
    centroid : Hz, centre of gravity of the spectrum, 0 in silence.  flatness : 0..1, 0 a tone, 1 noise.
    chroma : 12 pitch classes from C, each 0..1, the strongest is 1; all 0 without pitch.
    tuning : semitones from A = 440 Hz, -0.5..0.5.
    beats : beats since the tempo was first known; goes up where beat_phase wraps.  bar_phase : [0, 1), 0 on the first
    beat of a bar of four.
    intensity : 0..1, slow; rises through a build, falls in a break.  sections : changes of section so far.
    """

    time: float
    sample: int = 0
    level: float = 0.0
    rms: float = 0.0
    bass: float = 0.0
    mid: float = 0.0
    treble: float = 0.0
    onset: bool = False
    onset_strength: float = 0.0
    onsets: int = 0
    energy: float = 0.0
    bpm: float = 0.0
    beat_phase: float = 0.0
    bpm_confidence: float = 0.0
    silent: bool = True
    bass_hit: float = 0.0
    mid_hit: float = 0.0
    treble_hit: float = 0.0
    bass_presence: float = 0.0
    mid_presence: float = 0.0
    treble_presence: float = 0.0
    centroid: float = 0.0
    flatness: float = 0.0
    chroma: Chroma = NO_CHROMA
    tuning: float = 0.0
    beats: int = 0
    bar_phase: float = 0.0
    intensity: float = 0.0
    sections: int = 0

    @classmethod
    def rest(cls, time: float) -> AudioFeatures:
        """The features of silence at `time`."""
        return cls(time=time)

    def pack(self) -> bytes:
        """As `PACKED_FEATURES_BYTES` bytes, for a shared-memory ring."""
        return _PACKING.pack(*(getattr(self, name) for name in _PLAIN), *self.chroma)

    @classmethod
    def unpack(cls, data: bytes | memoryview) -> AudioFeatures:
        values = _PACKING.unpack(data)
        return cls(**dict(zip(_PLAIN, values, strict=False)), chroma=values[len(_PLAIN) :])


_CODES: dict[Any, str] = {"float": "d", "int": "q", "bool": "?"}
_PLAIN = tuple(field.name for field in fields(AudioFeatures) if field.type in _CODES)
_PACKING = struct.Struct(
    "<" + "".join(_CODES[field.type] for field in fields(AudioFeatures) if field.type in _CODES) + f"{PITCH_CLASSES}d"
)
PACKED_FEATURES_BYTES = _PACKING.size


@dataclass(frozen=True, slots=True)
class AudioBlock:
    """The sound itself.

    time : s, capture time of the first sample.  sample : its index on the show's audio clock (a gap
    in the indices is a gap in the sound).  samples : float32 (HOP, CHANNELS), in [-1, 1], after --gain.
    """

    time: float
    sample: int
    samples: np.ndarray


@dataclass(frozen=True, slots=True)
class AudioStatus:
    """How the audio side is. state : "starting", "running" or "lost".  device : its name.

    overflows : input overflows the driver reported.  blocks : blocks captured.  restarts : respawned processes.
    message : one line for the log and the HUD.
    """

    state: str = "starting"
    device: str = ""
    overflows: int = 0
    blocks: int = 0
    restarts: int = 0
    message: str = ""


@dataclass(frozen=True, slots=True)
class Frame:
    """A generated picture. image : uint8 (H, W, 4) RGBA, C-contiguous, top row first.

    seq : counts generated frames from 1.  time : s, the sound that caused it.  made : s, when it was finished.
    duration : s, how long the engine worked on it.
    """

    image: np.ndarray
    seq: int
    time: float
    made: float
    duration: float


@dataclass(frozen=True, slots=True)
class Controls:
    """What the director asks of the engine for one frame.

    noise : float32 (h, w, c), unit normal.  prompt, previous_prompt, fade : 0 is all previous, 1 is all prompt.
    feedback : 0..1, weight of the previous denoised latent.  compute : False asks the engine to skip this frame.
    time : s, of the features behind it.  guidance_scale, delta, negative_prompt : read by models with guidance.
    grade : 0..3, how much of it is to be computed: nothing, a step of the latents towards the last computed ones, the
    UNet's outer layers, everything.  drift : of the fed-back latents: zoom factor, turn (rad, clockwise), pan to the
    right and down (shares of the picture).  next_start : s, before which the next slot need not begin; 0 is at once.
    place : where the walk is, `Director.noise_at` makes its noise again.
    lora_weight : factor on live LoRAs.  steps, t_list : of the denoising, see `Pipeline.reschedule`.
    """

    noise: np.ndarray
    prompt: Prompt
    previous_prompt: Prompt
    fade: float
    feedback: float
    compute: bool
    time: float
    grade: int = 3
    drift: tuple[float, float, float, float] = (1.0, 0.0, 0.0, 0.0)
    next_start: float = 0.0
    place: tuple[float, ...] = ()
    guidance_scale: float = 1.0
    delta: float = 1.0
    negative_prompt: str = ""
    lora_weight: float = 1.0
    steps: int = 0
    t_list: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Effect:
    """A shader by name and the values of its inputs: numbers, switches, or tuples for points and colours."""

    shader: str
    inputs: tuple[tuple[str, float | int | bool | tuple[float, ...]], ...] = ()


@dataclass(frozen=True, slots=True)
class Scene:
    """What draws the canvas. idle : seen until there is a generated frame.  transition : between two frames.

    chain : filters over that, in order.
    """

    chain: tuple[Effect, ...] = (Effect("feedback"),)
    transition: Effect = Effect("crossfade")
    idle: Effect = Effect("silk")


@dataclass(frozen=True, slots=True)
class Meter:
    """For the operator. level, peak : linear full scale.  onset : 0..1.  beat : [0, 1), None without a tempo."""

    level: float = 0.0
    peak: float = 0.0
    onset: float = 0.0
    beat: float | None = None


@dataclass(frozen=True, slots=True)
class View:
    """What the display is to show besides frames and sound.

    blackout, freeze, hud : switches.  scene : the shaders and their inputs.  fade : s, how long a scene with other
    shaders takes to come in.  flash_limit : whether the canvas may not flash (WCAG 2.3.1).
    sound : float32 (n, CHANNELS), the newest samples heard, for shaders that draw them; None is silence.
    hud_lines, meter : for the operator's HUD, never part of the canvas.  hud_code : rows of a QR code for it, "1" is
    dark.
    """

    blackout: bool = False
    freeze: bool = False
    hud: bool = False
    scene: Scene = Scene()
    fade: float = 0.0
    flash_limit: bool = True
    sound: np.ndarray | None = None
    hud_lines: tuple[str, ...] = ()
    hud_code: tuple[str, ...] = ()
    meter: Meter = Meter()


@dataclass(frozen=True, slots=True)
class CanvasPicture:
    """The canvas as it was shown, for the recorder. pixels : uint8 (H, W, 4) RGBA, top row first.

    time : s, when the sound was heard that it goes with; when it was shown, if there was none.
    """

    pixels: np.ndarray
    time: float


@dataclass(frozen=True, slots=True)
class ControlEvent:
    """One checked request from a performer. name : of the parameter or action.  value : of its type.  time : s.

    relative : the value is a step by which the parameter moves.
    """

    name: str
    value: float | int | bool | str | tuple[object, ...] | None
    time: float
    relative: bool = False


@dataclass(frozen=True, slots=True)
class ExternalTempo:
    """What Ableton Link or a MIDI clock says.

    beat : position in beats at `time`, s; whole on the beat, 0 on the first beat of a bar.
    peers : other participants; 0 is nobody.  rolling : whether the song plays; if not, only the tempo counts.
    """

    bpm: float
    beat: float
    time: float
    peers: int = 1
    rolling: bool = True


@dataclass(frozen=True, slots=True)
class ExternalTempi:
    """Tempi from outside the show. None : that source is not open, or silent."""

    link: ExternalTempo | None = None
    midi: ExternalTempo | None = None


@dataclass(frozen=True, slots=True)
class ShowState:
    """What controllers are told, published once a display frame.

    tick : counts the publications.  values : every parameter by name.  fps : generated frames a second.
    engine : one word.  beat, bpm, tempo_source : the leading tempo; beat is a position, whole on the beat.
    recording : s, None when off.  presets : names.  waiting : changes that wait for their beat or bar.
    message : the last thing that went wrong, or "".  problems : how many things did.
    """

    tick: int
    values: Mapping[str, object]
    features: AudioFeatures
    fps: float = 0.0
    engine: str = "starting"
    beat: float = 0.0
    bpm: float = 0.0
    tempo_source: str = "free"
    recording: float | None = None
    presets: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()
    message: str = ""
    problems: int = 0


@dataclass(frozen=True, slots=True)
class Handover:
    """What a show leaves to the one that takes over, should it die.

    values : all parameters, and the shaders' inputs set by hand; {} before the first word.  recording : the file being
    written.  seconds : of show so far.  restarts : deaths so far.  short_lives : how many of the last in a row died
    young.
    """

    values: Mapping[str, Any] = field(default_factory=dict)
    recording: Path | None = None
    seconds: float = 0.0
    restarts: int = 0
    short_lives: int = 0

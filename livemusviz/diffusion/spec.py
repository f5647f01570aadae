"""Describes a model to load: its folder and how to run it. Frozen values, pure, any thread."""

import os
from dataclasses import dataclass, field
from pathlib import Path

from livemusviz.diffusion.folder import HUB_NAME, cached_snapshot, user_path
from livemusviz.diffusion.schedulers import Sampling
from livemusviz.errors import UserError
from livemusviz.params.params import MAX_CONTROLS

GUIDANCE = ("none", "full", "self", "initialize")
"""Classifier-free guidance: none; full (Ho and Salimans 2022), twice the work; R-CFG (Kodaira et al. 2023) self, no
more work; R-CFG initialize, one evaluation more a frame."""
MAX_LORA_WEIGHT = 4.0
SUFFIX = ".safetensors"


@dataclass(frozen=True, slots=True)
class LoraSpec:
    """A LoRA file. weight : -4 to 4. live : kept beside the weights, so that its weight is a fader, not fused."""

    path: Path
    weight: float = 1.0
    live: bool = False


PROCESSORS = ("pass", "canny", "soft", "luminance", "tile")
"""Makes a control picture of any picture: as it is; edges as lines; soft edges; luminance; blurred."""
MAX_CONTROL_SCALE = 2.0


@dataclass(frozen=True, slots=True)
class ControlSpec:
    """A ControlNet's or T2I-Adapter's folder. processor : one of `PROCESSORS`. scale : 0 to 2, where its fader begins.
    picture : file of a still; None follows the show's picture, or else its own frames."""

    folder: Path
    processor: str = "pass"
    scale: float = 1.0
    picture: Path | None = None


@dataclass(frozen=True, slots=True)
class StyleSpec:
    """An IP-Adapter. adapter : its safetensors file. encoder : folder of its CLIP vision encoder."""

    adapter: Path
    encoder: Path


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """Describes a model to load, with the choices that are fixed while it is loaded.

    folder : in diffusers layout.
    vae : another autoencoder's folder; None takes the model's own.
    bits : 4, 8 or 16 a weight; None is 16.
    sampling : scheduler and steps.
    guidance : one of `GUIDANCE`.
    loras : fused or live.
    stream : True runs several steps as a stream batch: each frame takes one step a call.
    controls : ControlNets and T2I-Adapters, in their order.
    """

    folder: Path
    vae: Path | None = None
    bits: int | None = None
    sampling: Sampling = field(default_factory=Sampling)
    guidance: str = "none"
    loras: tuple[LoraSpec, ...] = ()
    stream: bool = False
    controls: tuple[ControlSpec, ...] = ()
    style: StyleSpec | None = None

    def validate(self) -> None:
        """Raises UserError for a value out of its range."""
        self.sampling.validate()
        if self.guidance not in GUIDANCE:
            raise UserError(f"guidance '{self.guidance}': there is {', '.join(GUIDANCE)}")
        for lora in self.loras:
            if not -MAX_LORA_WEIGHT <= lora.weight <= MAX_LORA_WEIGHT:
                raise UserError(
                    f"{lora.path}: weight {lora.weight:g}, give -{MAX_LORA_WEIGHT:g} to {MAX_LORA_WEIGHT:g}"
                )
        if len(self.controls) > MAX_CONTROLS:
            raise UserError(f"--control: {len(self.controls)} given, at most {MAX_CONTROLS} are used")
        for control in self.controls:
            if not 0 <= control.scale <= MAX_CONTROL_SCALE:
                raise UserError(f"{control.folder}: scale {control.scale:g}, give 0 to {MAX_CONTROL_SCALE:g}")
            if control.processor not in PROCESSORS:
                raise UserError(f"{control.folder}: processor '{control.processor}': there is {', '.join(PROCESSORS)}")


def parse_lora(text: str, live: bool) -> LoraSpec:
    """Return what 'FILE.safetensors' or 'FILE.safetensors:0.8' asks for; also org/name/FILE.safetensors of the Hugging
    Face cache. UserError for a weight that is no number, or as from `user_path`."""
    name, colon, tail = text.rpartition(":")
    if not colon or tail.endswith(SUFFIX) or os.path.isfile(text):  # a colon in the name
        return LoraSpec(_lora_file(text), live=live)
    try:
        weight = float(tail)
    except ValueError:
        raise UserError(
            f"--lora {text[:64]}: the weight '{tail[:32]}' is no number; give -{MAX_LORA_WEIGHT:g} to "
            f"{MAX_LORA_WEIGHT:g}, as {name[-64:]}:0.8"
        ) from None
    return LoraSpec(_lora_file(name), weight, live)


def parse_control(text: str) -> ControlSpec:
    """Return what 'FOLDER', 'FOLDER:canny', 'FOLDER:0.7' or 'FOLDER:canny:0.7' asks for; FOLDER also as org/name of the
    Hugging Face cache. UserError for another processor, a scale out of range or a folder that there is not."""
    name, processor, scale = text, "", None
    while not os.path.isdir(name) and ":" in name:
        head, _, tail = name.rpartition(":")
        if tail in PROCESSORS and not processor:
            processor = tail
        elif scale is None and not processor and _is_number(tail):
            scale = float(tail)
        else:
            break
        name = head
    folder = user_path(name, "--control")
    if not folder.is_dir():
        if not HUB_NAME.fullmatch(name) or ".." in name:
            raise UserError(
                f"--control {text[:64]}: no such folder; give FOLDER[:PROCESSOR][:SCALE], PROCESSOR one of "
                f"{', '.join(PROCESSORS)}, SCALE 0 to {MAX_CONTROL_SCALE:g}"
            )
        folder = cached_snapshot(name, "config.json")
    spec = ControlSpec(folder, processor or "pass", 1.0 if scale is None else scale)
    if not 0 <= spec.scale <= MAX_CONTROL_SCALE:
        raise UserError(f"--control {text[:64]}: scale {spec.scale:g}, give 0 to {MAX_CONTROL_SCALE:g}")
    return spec


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _lora_file(name: str) -> Path:
    """Raises UserError for no usable path or a name that is not in the cache; a file is looked at when it is read."""
    path, parts = user_path(name, "--lora"), name.split("/")
    if path.is_file() or len(parts) < 3 or not HUB_NAME.fullmatch("/".join(parts[:2])) or ".." in name:
        return path
    return cached_snapshot("/".join(parts[:2]), "/".join(parts[2:])) / "/".join(parts[2:])

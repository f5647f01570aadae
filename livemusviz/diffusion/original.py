"""Opens a single-file checkpoint of the original Stable Diffusion layout: 1.x, 2.x or XL, as model sites offer them.

The architecture is read from the shapes. A folder in diffusers layout stands for the file while the program runs: its
configs, schedule and tokenizers are written, its weights are a reference to the file. So whatever takes a model folder
takes such a file, and no weight is copied. File work alone, any thread.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from livemusviz.diffusion import original_keys as names_of
from livemusviz.diffusion.configs import refuse_other_task
from livemusviz.diffusion.headers import TensorInfo, read_header, read_metadata, shown
from livemusviz.diffusion.original_keys import CLIP_L, OPEN_CLIP, UNET, VAE, Source, Sources, within
from livemusviz.diffusion.vocabulary import END, write_tokenizer
from livemusviz.errors import UserError

REFERENCE = ".reference.json"
"""Ends the name of a file that stands for weights elsewhere."""
HEAD_WIDTH = 64
"""Of the UNets with linear projections (2.x, XL) and of every text encoder; the others have HEADS heads."""
HEADS = 8
XL_TIME = 256
"""Width of the sinusoids of one number about the picture's size, in XL; no shape tells it."""
XL_SCALE, SCALE = 0.13025, 0.18215
"""Of latents."""
OPEN_CLIP_PAD = "!"
OTHERS = (
    ("double_blocks.", "a Flux model"),
    ("joint_blocks.", "a Stable Diffusion 3 model"),
    ("lora_", "a LoRA; give it as --lora"),
    ("control_model.", "a ControlNet; give it as --control"),
    ("model.diffusion_model.", "no UNet of Stable Diffusion 1, 2 or XL"),
    ("first_stage_model.", "an autoencoder alone; give a whole model"),
    ("down_blocks.", "one component of a folder in diffusers layout; give the folder"),
)
"""Contents of other files, by a part of a name in them."""

Shapes = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True)
class Original:
    """A checkpoint by its header. shapes : by the file's names.  metadata : as training tools leave it."""

    path: Path
    shapes: Shapes
    metadata: Mapping[str, str]

    @property
    def is_xl(self) -> bool:
        return any(name.startswith("conditioner.embedders.") for name in self.shapes)

    @property
    def unet(self) -> dict[str, tuple[int, ...]]:
        """Return the UNet's shapes, by names without the prefix."""
        return {name.removeprefix(UNET): shape for name, shape in self.shapes.items() if name.startswith(UNET)}


@cache
def _folders() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="livemusviz-models-", ignore_cleanup_errors=True)


def model_folder(path: Path) -> Path:
    """Return the folder that stands for a single file, named as the file. UserError for a file that holds no model."""
    path = path.resolve()
    if path.suffix != ".safetensors":
        raise UserError(
            f"{path}: only .safetensors is read, because a pickle can run any code; convert it on a machine you trust"
        )
    try:
        found = path.stat()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from None
    return _folder(path, found.st_mtime_ns, found.st_size)


@cache
def _folder(path: Path, modified: int, size: int) -> Path:
    """Write the folder once for each state of a file."""
    header = read_header(path)
    original = Original(path, {name: info.shape for name, info in header.items()}, read_metadata(path))
    _refuse_others(original)
    try:
        parts = _parts(original)
    except (LookupError, ValueError, ZeroDivisionError, StopIteration) as error:
        raise UserError(f"{path}: a part of the model is missing ({shown(str(error))}); fetch it again") from None
    refuse_other_task(parts["unet"][1], str(path))
    folder = Path(tempfile.mkdtemp(dir=_folders().name)) / path.stem
    folder.mkdir()
    _write(folder / "model_index.json", _index(original, parts))
    _write_file(folder / "scheduler" / "scheduler_config.json", _scheduler(original))
    for part, (stem, config, _) in parts.items():
        _write_file(folder / part / "config.json", config)
        _write(folder / part / f"{stem}{REFERENCE}", {"file": str(path), "part": part})
    write_tokenizer(folder / "tokenizer", END if _clip_l(original) else OPEN_CLIP_PAD)
    if original.is_xl:
        write_tokenizer(folder / "tokenizer_2", OPEN_CLIP_PAD)
    return folder


Part = tuple[str, dict[str, Any], Sources]
"""The stem of its weights' name in a folder, its config, and its tensors."""


def _parts(original: Original) -> dict[str, Part]:
    """Return the components that are in a file."""
    shapes, unet = original.shapes, original.unet
    parts: dict[str, Part] = {
        "unet": ("diffusion_pytorch_model", unet_config(unet), names_of.unet_sources(list(unet))),
    }
    vae = {name.removeprefix(VAE): shape for name, shape in shapes.items() if name.startswith(VAE)}
    vae = {name: shape for name, shape in vae.items() if not name.startswith(("loss.", "model_ema."))}
    if vae:
        parts["vae"] = ("diffusion_pytorch_model", vae_config(vae, original.is_xl), names_of.vae_sources(list(vae)))
    for part, prefixes in (("text_encoder", (CLIP_L, OPEN_CLIP[:1])), ("text_encoder_2", (OPEN_CLIP[1:],))):
        for prefix in (prefix for group in prefixes for prefix in group):
            if found := _encoder(shapes, prefix):
                parts[part] = ("model", *found)
    for needed in ("text_encoder", *(["text_encoder_2"] if original.is_xl else [])):
        if needed not in parts:
            raise UserError(
                f"{original.path}: no {needed.replace('_', ' ')} in it; give a file that holds a whole model"
            )
    return parts


def unet_config(shapes: Shapes) -> dict[str, Any]:
    """Return the `config.json` of a UNet. shapes : by the names without its prefix."""
    levels = [level for level in names_of.unet_levels(shapes, "input_blocks") if level]
    layers = [len(level) for level in levels]
    channels = [shapes[f"input_blocks.{level[-1]}.0.out_layers.3.weight"][0] for level in levels]
    depths = [_depth(shapes, f"input_blocks.{level[0]}.1") for level in levels]
    mid = _depth(shapes, "middle_block.1")
    attentive = next(f"input_blocks.{level[0]}.1" for level, depth in zip(levels, depths, strict=True) if depth)
    linear = len(shapes[f"{attentive}.proj_in.weight"]) == 2
    added = shapes.get("label_emb.0.0.weight")
    config: dict[str, Any] = {
        "_class_name": "UNet2DConditionModel",
        "in_channels": shapes["input_blocks.0.0.weight"][1],
        "out_channels": shapes["out.2.weight"][0],
        "block_out_channels": channels,
        "layers_per_block": layers[0] if len(set(layers)) == 1 else layers,
        "down_block_types": ["CrossAttnDownBlock2D" if depth else "DownBlock2D" for depth in depths],
        "up_block_types": ["CrossAttnUpBlock2D" if depth else "UpBlock2D" for depth in reversed(depths)],
        "mid_block_type": "UNetMidBlock2DCrossAttn" if mid else "UNetMidBlock2D",
        "transformer_layers_per_block": [*(depth or 1 for depth in depths[:-1]), depths[-1] or mid or 1],
        "attention_head_dim": [c // HEAD_WIDTH if linear else HEADS for c in channels],
        "cross_attention_dim": shapes[f"{attentive}.transformer_blocks.0.attn2.to_k.weight"][1],
        "use_linear_projection": linear,
    }
    if added:
        config |= {"addition_embed_type": "text_time", "addition_time_embed_dim": XL_TIME}
        config["projection_class_embeddings_input_dim"] = added[1]
    return config


def _depth(shapes: Shapes, transformer: str) -> int:
    """Return how many layers a transformer has; 0 if there is none."""
    start = f"{transformer}.transformer_blocks."
    return len({name.removeprefix(start).split(".")[0] for name in shapes if name.startswith(start)})


def vae_config(shapes: Shapes, is_xl: bool) -> dict[str, Any]:
    """Return the `config.json` of an autoencoder. shapes : by the names without its prefix."""
    levels = len({name.split(".")[2] for name in shapes if name.startswith("encoder.down.")})
    blocks = len({name.split(".")[4] for name in shapes if name.startswith("encoder.down.0.block.")})
    return {
        "_class_name": "AutoencoderKL",
        "block_out_channels": [shapes[f"encoder.down.{i}.block.0.conv2.weight"][0] for i in range(levels)],
        "down_block_types": ["DownEncoderBlock2D"] * levels,
        "up_block_types": ["UpDecoderBlock2D"] * levels,
        "in_channels": shapes["encoder.conv_in.weight"][1],
        "out_channels": shapes["decoder.conv_out.weight"][0],
        "latent_channels": shapes["post_quant_conv.weight"][0],
        "layers_per_block": blocks,
        "scaling_factor": XL_SCALE if is_xl else SCALE,
        **({"force_upcast": True} if is_xl else {}),
    }


def _encoder(shapes: Shapes, prefix: str) -> tuple[dict[str, Any], Sources] | None:
    """Return the config and the tensors of a text encoder; None if there is none under the prefix."""
    names = within(shapes, prefix)
    if not names:
        return None
    if prefix in CLIP_L:
        sources = names_of.clip_sources(names, prefix)
        layers, act, projects = _count(names, "text_model.encoder.layers."), "quick_gelu", False
    else:
        projects = prefix == OPEN_CLIP[1]
        layers, act = _count(names, "transformer.resblocks."), "gelu"
        layers -= 0 if projects else 1  # Stable Diffusion 2 reads the last layer but one
        sources = names_of.open_clip_sources(names, prefix, layers, projects)

    def shape(name: str) -> tuple[int, ...]:
        source = sources[name]
        return names_of.source_shape(shapes[source.name], source)

    vocabulary, width = shape("text_model.embeddings.token_embedding.weight")
    config: dict[str, Any] = {
        "architectures": ["CLIPTextModelWithProjection" if projects else "CLIPTextModel"],
        "vocab_size": vocabulary,
        "hidden_size": width,
        "intermediate_size": shape("text_model.encoder.layers.0.mlp.fc1.weight")[0],
        "num_hidden_layers": layers,
        "num_attention_heads": width // HEAD_WIDTH,
        "max_position_embeddings": shape("text_model.embeddings.position_embedding.weight")[0],
        "hidden_act": act,
    }
    if projects:
        config["projection_dim"] = shape("text_projection.weight")[0]
    return config, sources


def _count(names: list[str], prefix: str) -> int:
    return len({name.removeprefix(prefix).split(".")[0] for name in names if name.startswith(prefix)})


def _clip_l(original: Original) -> bool:
    return any(name.startswith(CLIP_L) for name in original.shapes)


def _refuse_others(original: Original) -> None:
    """Raises UserError, of one sentence, for a file that holds no Stable Diffusion 1, 2 or XL."""
    path, shapes = original.path, original.shapes
    first = shapes.get(f"{UNET}input_blocks.0.0.weight")
    if first is None or any("joint_blocks." in name or "double_blocks." in name for name in shapes):
        other = next((what for part, what in OTHERS if any(part in name for name in shapes)), "no model that is known")
        raise UserError(f"{path}: it is {other}; a single file must hold Stable Diffusion 1, 2 or XL")
    if original.is_xl and not any(name.startswith(OPEN_CLIP[1]) for name in shapes):
        raise UserError(f"{path}: it is an SDXL refiner, which is not implemented")
    if any(name.startswith("edm_") for name in shapes):
        raise UserError(f"{path}: it is an EDM model, whose schedule is not implemented")


def _scheduler(original: Original) -> dict[str, Any]:
    """Return the schedule of the file's family. No shape tells what the UNet predicts: metadata or a mark does.

    Without either it is noise, or velocity in Stable Diffusion 2, as diffusers takes it.
    """
    said = original.metadata.get("modelspec.prediction_type", "")
    velocity = "v_pred" in original.shapes or said.startswith("v") or (not said and _is_second(original))
    return {
        "_class_name": "EulerDiscreteScheduler",
        "beta_schedule": "scaled_linear",
        "beta_start": 0.00085,
        "beta_end": 0.012,
        "num_train_timesteps": 1000,
        "prediction_type": "v_prediction" if velocity else "epsilon",
        "rescale_betas_zero_snr": "ztsnr" in original.shapes,
        "timestep_spacing": "trailing",  # good in few steps, which is how a show draws
    }


def _is_second(original: Original) -> bool:
    return not original.is_xl and not _clip_l(original)


def _index(original: Original, parts: Mapping[str, Part]) -> dict[str, Any]:
    classes = {
        "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderKL"],
        "text_encoder": ["transformers", "CLIPTextModel"],
        "text_encoder_2": ["transformers", "CLIPTextModelWithProjection"],
    }
    tokenizers = ["tokenizer", "tokenizer_2"] if original.is_xl else ["tokenizer"]
    return {
        "_class_name": "StableDiffusionXLPipeline" if original.is_xl else "StableDiffusionPipeline",
        "scheduler": ["diffusers", "EulerDiscreteScheduler"],
        **{part: classes[part] for part in parts},
        **{name: ["transformers", "CLIPTokenizer"] for name in tokenizers},
    }


# --- references -----------------------------------------------------------------------------------


def is_reference(path: Path) -> bool:
    """Return True if a file stands for weights elsewhere: one that this program wrote, no other is trusted."""
    return path.name.endswith(REFERENCE) and path.is_file() and path.is_relative_to(_folders().name)


def referred_file(path: Path) -> Path:
    """Return the checkpoint that a reference stands for."""
    return Path(json.loads(path.read_text(encoding="utf-8"))["file"])


def _sources(path: Path) -> tuple[Path, Sources]:
    """Return the checkpoint that a reference names, and its component's tensors."""
    reference = json.loads(path.read_text(encoding="utf-8"))
    file = Path(reference["file"])
    shapes = {name: info.shape for name, info in read_header(file).items()}
    return file, _parts(Original(file, shapes, {}))[reference["part"]][2]


def read_referred_header(path: Path) -> dict[str, TensorInfo]:
    """Return what `read_header` does, of the component that a reference stands for, by diffusers' names."""
    file, sources = _sources(path)
    header = read_header(file)
    return {
        ours: TensorInfo(names_of.source_shape(header[source.name].shape, source), header[source.name].dtype)
        for ours, source in sources.items()
    }


def read_referred(path: Path, load: Callable[[Path], dict[str, Any]]) -> dict[str, Any]:
    """Return the tensors that a reference stands for, by diffusers' names. load : reads a safetensors file."""
    file, sources = _sources(path)
    tensors = load(file)
    return {ours: _part(tensors[source.name], source) for ours, source in sources.items()}


def _part(tensor: Any, source: Source) -> Any:
    if source.third is not None:
        rows = tensor.shape[0] // names_of.THIRD
        return tensor[source.third * rows : (source.third + 1) * rows]
    if source.flat:
        return tensor.reshape(tensor.shape[:2])
    return tensor.transpose() if source.transposed else tensor


def _write_file(path: Path, value: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    _write(path, value)


def _write(path: Path, value: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=2), encoding="utf-8")

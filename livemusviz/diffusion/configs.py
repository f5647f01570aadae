"""Checks config.json files: a value that changes the arithmetic is either built or rejected by name. Pure."""

import logging
from collections.abc import Collection, Mapping
from typing import Any

from livemusviz.errors import UserError

log = logging.getLogger(__name__)

QUANTIZATION = "quantization"
"""Key under which a folder made by `models convert` describes how its weights are packed."""

RANGES: dict[str, tuple[float, float]] = {
    "in_channels": (1, 256), "out_channels": (1, 256), "latent_channels": (1, 256), "coordinate_channels": (0, 256),
    "coordinate_pan": (0, 1), "coordinate_zoom": (0, 0.9),
    "block_out_channels": (1, 16384), "encoder_block_out_channels": (1, 16384), "channels": (1, 16384),
    "decoder_block_out_channels": (1, 16384), "fine_channels": (1, 16384),
    "fine_hidden_channels": (1, 16384), "encoder_channels": (0, 16384),
    "layers_per_block": (1, 32), "transformer_layers_per_block": (1, 64),
    "reverse_transformer_layers_per_block": (1, 64), "num_hidden_layers": (1, 128),
    "num_encoder_blocks": (0, 64), "num_decoder_blocks": (0, 64), "num_blocks": (0, 64), "num_fine_blocks": (0, 64),
    "attention_head_dim": (1, 1024), "num_attention_heads": (1, 1024), "addition_embed_type_num_heads": (1, 1024),
    "norm_num_groups": (1, 16384), "norm_eps": (1e-12, 1), "layer_norm_eps": (1e-12, 1), "freq_shift": (0, 1),
    "cross_attention_dim": (1, 16384), "addition_time_embed_dim": (2, 16384), "time_cond_proj_dim": (2, 16384),
    "projection_class_embeddings_input_dim": (1, 65536), "hidden_size": (1, 16384), "intermediate_size": (1, 65536),
    "projection_dim": (1, 16384), "vocab_size": (2, 1 << 20), "max_position_embeddings": (2, 4096),
    "upscale": (1, 16), "upsampling_scaling_factor": (1, 16), "scaling_factor": (1e-6, 1e6),
    "shift_factor": (-1e6, 1e6),
    "num_train_timesteps": (1, 100_000), "original_inference_steps": (1, 100_000), "timestep_scaling": (1e-6, 1e6),
    "steps_offset": (0, 100_000), "beta_start": (0, 1), "beta_end": (0, 1), "clip_sample_range": (1e-6, 1e6),
}  # fmt: skip
"""Ranges of the numbers of a config, alone or in a list: far more than any checkpoint has."""

BOOKKEEPING = {
    "decay", "inv_gamma", "min_decay", "optimization_step", "power", "update_after_step", "use_ema_warmup",
    "gradient_checkpointing", "name_or_path", "torch_dtype", "dtype",
}  # fmt: skip
"""Keys of a component's training or saving (the first seven are diffusers' `EMAModel`): without effect."""

OTHER_TASKS = {
    (5, 4): "depth-to-image", (7, 4): "upscaling", (8, 4): "image editing (InstructPix2Pix)", (9, 4): "inpainting",
}  # fmt: skip
"""Models of other tasks, by their UNet's input and output channels: the latents, and a picture beside them."""


def refuse_other_task(config: Mapping[str, Any], where: str) -> None:
    """Raise a UserError for a UNet that takes more than the latents of a picture."""
    channels = config.get("in_channels"), config.get("out_channels", 4)
    task = OTHER_TASKS.get(channels) if all(isinstance(c, int) for c in channels) else None  # type: ignore[arg-type]
    if task and not config.get("coordinate_channels"):
        raise UserError(
            f"{where}: in_channels {channels[0]} is a model for {task}, which is not supported; "
            "give the text-to-image model it was made from"
        )


def in_range(config: dict[str, Any], where: str) -> dict[str, Any]:
    """Return the config without those of `RANGES` that are null. Raises UserError for one that is no number, or so
    large that it would end in a hang or out of memory."""
    for key, (low, high) in RANGES.items():
        value = config.get(key)
        for number in _flat(value):
            if number is None:
                continue
            if isinstance(number, bool) or not isinstance(number, int | float):
                raise UserError(f"{where}: {key} {repr(number)[:64]}: must be a number")
            if not low <= number <= high:
                raise UserError(f"{where}: {key} {number:.6g}: must be {low:g} to {high:g}")
    return {key: value for key, value in config.items() if value is not None or key not in RANGES}


def _flat(value: Any) -> list[Any]:
    """Return the entries of a value that may be a list, and of lists in it."""
    entries = value if isinstance(value, list) else [value]
    return [number for entry in entries for number in (entry if isinstance(entry, list) else [entry])]


def class_name(value: Any) -> str:
    """Return a config's class name, shortened for a message of one line."""
    return value[:64] if isinstance(value, str) and value.isidentifier() else repr(value)[:64]


def divides(where: str, name: str, whole: int, by: str, parts: int) -> None:
    """Raise a UserError unless `parts` divides `whole`."""
    if whole % parts:
        raise UserError(f"{where}: {name} {whole} cannot be divided among {by} {parts}")


def refuse_unknown(
    config: dict[str, Any], where: str, only: Mapping[str, Collection[Any]], without_effect: Collection[str]
) -> None:
    """Raise a UserError for a key whose effect is not implemented here.

    only : keys that change the arithmetic, with the values that are built. without_effect : keys that are read
    elsewhere or that only say how the model was trained or stored. Any other key passes only where it is off.
    """
    kept = sorted(key for key in BOOKKEEPING.intersection(config) if key not in only)
    if kept:
        log.warning("%s: %s: only said how it was trained or saved, and ignored", where, ", ".join(kept))
    for key, value in config.items():
        if key.startswith("_") or key == QUANTIZATION or key in without_effect or key in kept:
            continue
        if key not in only:
            if value not in (None, False):
                shown = repr(value)[:64]
                raise UserError(f"{where}: {key[:64]} is not known here, so its effect ({shown}) would be missing")
        elif value not in only[key]:
            allowed = ", ".join(repr(v) for v in only[key])
            raise UserError(f"{where}: {key} {repr(value)[:64]} is not implemented; only {allowed} is")

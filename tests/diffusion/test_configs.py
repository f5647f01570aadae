"""Numbers in a config that would end in a traceback, a hang or the memory: each in one line that names them."""

import json
from pathlib import Path
from typing import Any

import mlx.core as mx
import numpy as np
import pytest

from livemusviz.cli import main
from livemusviz.diffusion.model import load_model
from livemusviz.diffusion.spec import ModelSpec
from livemusviz.errors import UserError
from tests.diffusion.model_folders import ATTENTIVE_UNET, ATTENTIVE_VAE, TINY_TEXT, write_model

UNET, VAE, TEXT, SCHEDULE = (
    *(f"{part}/config.json" for part in ("unet", "vae", "text_encoder")),
    "scheduler/scheduler_config.json",
)
LADDER: list[tuple[str, dict[str, Any], str]] = [
    (UNET, {"norm_num_groups": 0}, "norm_num_groups 0: must be 1 to"),
    (UNET, {"norm_num_groups": 5}, "cannot be divided among norm_num_groups 5"),
    (UNET, {"norm_num_groups": "x"}, "norm_num_groups 'x': must be a number"),
    (UNET, {"norm_eps": "x"}, "norm_eps 'x'"),
    (UNET, {"attention_head_dim": 3}, "cannot be divided among attention_head_dim 3"),
    (UNET, {"block_out_channels": [0, 0]}, "block_out_channels 0"),
    (UNET, {"block_out_channels": [10**9, 10**9]}, "block_out_channels 1e+09"),
    (UNET, {"in_channels": 10**12}, "in_channels 1e+12"),
    (UNET, {"layers_per_block": 10**7}, "layers_per_block 1e+07: must be 1 to 32"),
    (UNET, {"freq_shift": 8}, "freq_shift 8: must be 0 to 1"),
    (UNET, {"only_cross_attention": [True]}, "only_cross_attention [True]"),
    (UNET, {"_class_name": "x" * 100_000}, "class xxx"),
    (UNET, {"_class_name": "a\nb\x1b[2J"}, r"class 'a\nb\x1b[2J'"),
    (UNET, {"in_channels": 9}, "in_channels 9 is a model for inpainting, which is not supported"),
    (UNET, {"in_channels": 8}, "in_channels 8 is a model for image editing (InstructPix2Pix)"),
    (UNET, {"in_channels": 5}, "in_channels 5 is a model for depth-to-image"),
    (UNET, {"decays": 0.5}, "decays is not known here"),
    (VAE, {"scaling_factor": "x"}, "scaling_factor 'x'"),
    (VAE, {"upsampling_scaling_factor": 0}, "upsampling_scaling_factor 0"),
    (TEXT, {"num_attention_heads": 5}, "cannot be divided among num_attention_heads 5"),
    (TEXT, {"num_attention_heads": -4}, "num_attention_heads -4"),
    (TEXT, {"num_hidden_layers": 10**6}, "num_hidden_layers 1e+06"),
    (TEXT, {"architectures": 5}, "class 5"),
    (TEXT, {"architectures": {"a": 1}}, "class {'a': 1}"),
    (TEXT, {"architectures": []}, "class []"),
    (SCHEDULE, {"num_train_timesteps": 10**13}, "num_train_timesteps 1e+13"),
    (SCHEDULE, {"_class_name": "LCMScheduler", "timestep_scaling": "x"}, "timestep_scaling 'x'"),
    ("model_index.json", {"text_encoder_2": ["a", "b"]}, "text_encoder_2"),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_model(tmp_path / "model", ATTENTIVE_UNET, ATTENTIVE_VAE, TINY_TEXT)


def edit(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


@pytest.mark.parametrize(("part", "changes", "told"), LADDER, ids=[told for _, _, told in LADDER])
def test_ladder(folder: Path, part: str, changes: dict[str, Any], told: str) -> None:
    edit(folder / part, **changes)
    with pytest.raises(UserError) as raised:
        load_model(ModelSpec(folder))
    message = str(raised.value)
    assert told in message and str(folder) in message
    assert message.isprintable() and len(message) < 500


def test_null_and_empty_entries_are_as_if_they_were_not_there(folder: Path) -> None:
    edit(folder / VAE, scaling_factor=None)
    edit(folder / "model_index.json", transformer=[], text_encoder_2=[None, None])
    assert load_model(ModelSpec(folder)).vae.config.scaling_factor == 1.0


def test_a_token_beyond_the_text_encoder_is_refused(folder: Path) -> None:
    """It would read beside the weights, or crash."""
    path = folder / "tokenizer/tokenizer.json"
    whole = json.loads(path.read_text())
    whole["model"]["vocab"]["x"] = 400_000_000
    path.write_text(json.dumps(whole))
    with pytest.raises(UserError, match="tokens up to 400000000, the text encoder up to 319"):
        load_model(ModelSpec(folder))


def test_a_token_beyond_it_round_every_prompt_is_refused(folder: Path) -> None:
    path = folder / "tokenizer/tokenizer.json"
    whole = json.loads(path.read_text())
    whole["post_processor"]["special_tokens"]["<|startoftext|>"]["ids"] = [2147483648]
    path.write_text(json.dumps(whole))
    with pytest.raises(UserError, match="tokens up to 2147483648"):
        load_model(ModelSpec(folder))


def test_a_still_of_broken_weights_is_one_line(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = folder / "unet/diffusion_pytorch_model.safetensors"
    tensors = dict(mx.load(str(path)))
    mx.save_safetensors(str(path), {name: mx.full(t.shape, np.nan, dtype=t.dtype) for name, t in tensors.items()})
    words = ["--model", str(folder), "--size", "64", "--prompt", "red lava", "-o", str(tmp_path / "o.png")]
    assert main(["generate", *words]) == 2
    told = capsys.readouterr().err.strip().splitlines()[-1]
    assert "NaN or infinity" in told and not (tmp_path / "o.png").exists()

"""Writes the embedded model's folder: `python -m training.export [--run training/runs/second] [--out
livemusviz/diffusion/embedded]`.

The moving average of the weights goes out in fp16 safetensors under the names diffusers and transformers use;
afterwards both libraries load the folder and their picture is compared with the trainer's.
"""

from __future__ import annotations

import argparse
import json
import logging
import shutil
from pathlib import Path
from typing import Any

import torch
from diffusers import EulerDiscreteScheduler, UNet2DConditionModel
from safetensors.torch import load_file, save_file
from transformers import CLIPTextModel

from training import tokens
from training.model import SCHEDULER, VAE, AutoencoderPixelShuffle, Embedded
from training.pictures import COORDINATE_CHANNELS, PAN, ZOOM, planes_of

log = logging.getLogger("training")
RUN, OUT = Path("training/runs/second"), Path("livemusviz/diffusion/embedded")
INDEX = {
    "_class_name": "StableDiffusionPipeline",
    "_diffusers_version": "0.30.0",
    "scheduler": ["diffusers", "EulerDiscreteScheduler"],
    "text_encoder": ["transformers", "CLIPTextModel"],
    "tokenizer": ["transformers", "CLIPTokenizer"],
    "unet": ["diffusers", "UNet2DConditionModel"],
    "vae": ["livemusviz", "AutoencoderPixelShuffle"],
    "safety_checker": [None, None],
    "feature_extractor": [None, None],
}


def restore(run: Path) -> Embedded:
    """Return the model of a run with its averaged weights, and its encoder where that is trained already."""
    saved = torch.load(run / "last.pt", map_location="cpu")
    state = {**saved["model"], **saved["average"]}
    hidden = len(state["vae.decoder.fine_blocks.0.conv1.bias"])
    model = Embedded(*saved["sizes"], vae={**VAE, "fine_hidden_channels": hidden})
    model.load_state_dict(state)
    if (run / "encoder.pt").exists():
        model.vae.encoder.load_state_dict(torch.load(run / "encoder.pt", map_location="cpu"))
    return model.eval()


def _write_json(path: Path, value: dict[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")


def _write_weights(module: torch.nn.Module, path: Path, prefix: str = "") -> None:
    state = {
        prefix + key: value.detach().contiguous().half()
        for key, value in module.state_dict().items()
        if value.is_floating_point()
    }
    save_file(state, str(path), metadata={"format": "pt"})
    path.chmod(0o644)


def export(model: Embedded, tokenizer: Path, out: Path) -> None:
    """Writes the folder, replacing what is there."""
    shutil.rmtree(out, ignore_errors=True)
    for name in ("unet", "vae", "text_encoder", "tokenizer", "scheduler"):
        (out / name).mkdir(parents=True)
    _write_json(out / "model_index.json", INDEX)
    unet = {key: value for key, value in model.unet.config.items() if not key.startswith("_")}
    _write_json(
        out / "unet/config.json",
        {
            "_class_name": "UNet2DConditionModel",
            **unet,
            "coordinate_channels": COORDINATE_CHANNELS,
            "coordinate_pan": PAN,
            "coordinate_zoom": ZOOM,
        },
    )
    _write_weights(model.unet, out / "unet/diffusion_pytorch_model.safetensors")
    _write_json(out / "vae/config.json", model.vae.config)
    _write_weights(model.vae, out / "vae/diffusion_pytorch_model.safetensors")
    text = model.text_encoder.config.to_dict() | {
        "architectures": ["CLIPTextModel"],
        "dtype": "float16",
        "torch_dtype": "float16",
    }
    _write_json(out / "text_encoder/config.json", text)
    keys = list(model.text_encoder.state_dict())
    _write_weights(
        model.text_encoder,
        out / "text_encoder/model.safetensors",
        "" if keys[0].startswith("text_model.") else "text_model.",
    )
    shutil.copyfile(tokenizer, out / "tokenizer/tokenizer.json")
    special = {"bos_token": tokens.START, "eos_token": tokens.END, "pad_token": tokens.END, "unk_token": tokens.UNKNOWN}
    _write_json(
        out / "tokenizer/tokenizer_config.json",
        {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "model_max_length": tokens.LENGTH,
            "do_lower_case": True,
            **special,
        },
    )
    _write_json(out / "scheduler/scheduler_config.json", {"_class_name": "EulerDiscreteScheduler", **SCHEDULER})


def load(folder: Path) -> Embedded:
    """Return the model of an exported folder, loaded by diffusers' and transformers' own loaders (the decoder by ours),
    in float32."""
    text = json.loads((folder / "text_encoder/config.json").read_text())
    model = Embedded(text["vocab_size"], text["bos_token_id"], text["eos_token_id"])
    model.unet = UNet2DConditionModel.from_pretrained(folder / "unet", torch_dtype=torch.float32)
    model.text_encoder = CLIPTextModel.from_pretrained(folder / "text_encoder", dtype=torch.float32)
    config = json.loads((folder / "vae/config.json").read_text())
    model.vae = AutoencoderPixelShuffle(config)
    model.vae.load_state_dict(load_file(str(folder / "vae/diffusion_pytorch_model.safetensors")))
    EulerDiscreteScheduler.from_pretrained(folder / "scheduler")
    return model.float().eval()


@torch.no_grad()
def difference(a: Embedded, b: Embedded, ids: list[int]) -> float:
    """Largest difference, in [-1, 1] units, of two models' pictures of one prompt and noise."""
    noise = torch.randn(1, 32, 16, 16, generator=torch.Generator().manual_seed(0))
    planes = torch.from_numpy(planes_of(16, 16))[None]
    pictures = [model(torch.tensor([ids]), noise, planes)[0].clamp(-1, 1) for model in (a, b)]
    return float((pictures[0] - pictures[1]).abs().max())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--run", type=Path, default=RUN)
    parser.add_argument("--out", type=Path, default=OUT)
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    model = restore(args.run)
    export(model, args.run / "tokenizer.json", args.out)
    ids = tokens.encode(tokens.load(args.run / "tokenizer.json"), "deep blue ocean")
    gap = difference(model, load(args.out), ids)
    size = sum(path.stat().st_size for path in args.out.rglob("*") if path.is_file())
    log.info("%s: %.2f MB, largest difference after loading %.4f", args.out, size / 1e6, gap)
    if gap > 0.1:
        raise SystemExit("the exported model does not draw the trained model's picture")


if __name__ == "__main__":
    main()

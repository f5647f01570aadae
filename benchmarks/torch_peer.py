"""The stages of a model folder timed in torch, for `livemusviz bench`: python torch_peer.py FOLDER WIDTH HEIGHT RUNS.

Prints one line of JSON with the keys of the bench. Half precision on a CUDA card, fp32 elsewhere. This is the only
program here that imports torch beside training and the parity tests.
"""

import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderTiny, EulerDiscreteScheduler, UNet2DConditionModel
from safetensors.torch import load_file
from torch import nn
from transformers import CLIPTextModel, PreTrainedTokenizerFast

PROMPT = "a storm of light over a dark sea"
PAD = "<|endoftext|>"


class PixelShuffleDecoder(nn.Module):
    """AutoencoderPixelShuffle's decoder; see livemusviz/diffusion/pixelshuffle.py."""

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__()
        coarse, fine, (first, second) = config["channels"], config["fine_channels"], config["upscale"]
        self.upscale = (first, second)
        self.conv_in = nn.Conv2d(config["latent_channels"], coarse, 3, padding=1)
        self.blocks = nn.ModuleList(self._block(coarse, coarse) for _ in range(config["num_blocks"]))
        self.expand = nn.Conv2d(coarse, fine * first**2, 1)
        hidden = config.get("fine_hidden_channels", fine)
        self.fine_blocks = nn.ModuleList(self._block(fine, hidden) for _ in range(config["num_fine_blocks"]))
        self.conv_out = nn.Conv2d(fine, 3 * second**2, 3, padding=1)

    @staticmethod
    def _block(channels: int, hidden: int) -> nn.ModuleDict:
        ends = {"conv1": (channels, hidden), "conv2": (hidden, channels)}
        return nn.ModuleDict({name: nn.Conv2d(*of, 3, padding=1) for name, of in ends.items()})

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        x = self.conv_in(z)
        for block in self.blocks:
            x = x + block["conv2"](block["conv1"](x.relu()).relu())
        x = nn.functional.pixel_shuffle(self.expand(x.relu()), self.upscale[0])
        for block in self.fine_blocks:
            x = x + block["conv2"](block["conv1"](x.relu()).relu())
        return nn.functional.pixel_shuffle(self.conv_out(x.relu()), self.upscale[1])


def load_decoder(folder: Path) -> tuple[Callable[[torch.Tensor], torch.Tensor], nn.Module, int, float]:
    """(latents -> picture, the module, picture pixels to a latent pixel, scaling factor)."""
    config = json.loads((folder / "config.json").read_text())
    if config["_class_name"] == "AutoencoderTiny":
        vae = AutoencoderTiny.from_pretrained(folder)
        return lambda z: vae.decode(z).sample, vae, 2 ** (len(config["decoder_block_out_channels"]) - 1), 1.0
    decoder = PixelShuffleDecoder(config)
    weights = load_file(folder / "diffusion_pytorch_model.safetensors")
    parts = {k.removeprefix("decoder."): v.float() for k, v in weights.items() if k.startswith("decoder.")}
    decoder.load_state_dict(parts)
    return decoder, decoder, config["upscale"][0] * config["upscale"][1], config.get("scaling_factor", 1.0)


def milliseconds(work: Callable[[], object], runs: int, cuda: bool) -> list[float]:
    for _ in range(3):
        work()
    durations = []
    for _ in range(runs):
        if cuda:
            torch.cuda.synchronize()
        start = time.perf_counter()
        work()
        if cuda:
            torch.cuda.synchronize()
        durations.append((time.perf_counter() - start) * 1e3)
    return sorted(durations)


def rank(ordered: list[float], p: float) -> float:
    return round(ordered[max(0, -(-len(ordered) * p // 100) - 1)], 2)


@torch.inference_mode()
def main(folder: Path, width: int, height: int, runs: int) -> dict[str, Any]:
    cuda = torch.cuda.is_available()
    device, dtype = ("cuda", torch.float16) if cuda else ("cpu", torch.float32)
    where: dict[str, Any] = {"device": device, "dtype": dtype}
    decode, vae, factor, scaling = load_decoder(folder / "vae")
    vae.to(**where).eval().to(memory_format=torch.channels_last)
    unet = UNet2DConditionModel.from_pretrained(folder / "unet").to(**where).eval()
    unet.to(memory_format=torch.channels_last)
    coordinates = json.loads((folder / "unet" / "config.json").read_text()).get("coordinate_channels", 0)
    text_model = CLIPTextModel.from_pretrained(folder / "text_encoder").to(**where).eval()
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer" / "tokenizer.json"), pad_token=PAD)
    scheduler = EulerDiscreteScheduler.from_pretrained(folder / "scheduler")
    scheduler.set_timesteps(1)
    t, sigma = scheduler.timesteps[0], scheduler.init_noise_sigma
    latent_channels = unet.config.in_channels - coordinates
    h, w = height // factor, width // factor
    noise = torch.randn(1, latent_channels, h, w, generator=torch.Generator().manual_seed(0)).to(**where)
    planes = torch.zeros(1, coordinates, h, w, **where)
    length = text_model.config.max_position_embeddings

    def text() -> torch.Tensor:
        ids = tokenizer(PROMPT, padding="max_length", truncation=True, max_length=length, return_tensors="pt").input_ids
        return text_model(ids.to(device)).last_hidden_state

    tokens = text()

    def denoise() -> torch.Tensor:
        scheduler._step_index = None
        latents = noise * sigma
        x = torch.cat([scheduler.scale_model_input(latents, t), planes], 1).to(memory_format=torch.channels_last)
        return scheduler.step(unet(x, t, tokens).sample, t, latents).prev_sample

    x0 = denoise()

    def picture(x0: torch.Tensor) -> torch.Tensor:
        rgb = (decode((x0 / scaling).to(memory_format=torch.channels_last)) * 127.5 + 128).clamp(0, 255)
        return rgb.to(torch.uint8)[0].permute(1, 2, 0).contiguous().cpu()

    whole = milliseconds(lambda: picture(denoise()), runs, cuda)
    peak = torch.cuda.max_memory_allocated() if cuda else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {
        "backend": device,
        "text_ms": rank(milliseconds(text, runs, cuda), 50),
        "unet_ms": rank(milliseconds(denoise, runs, cuda), 50),
        "decode_ms": rank(milliseconds(lambda: picture(x0), runs, cuda), 50),
        "generate_ms": {"p50": rank(whole, 50), "p99": rank(whole, 99)},
        "peak_memory_mb": round(peak / (1 << 20), 1),
    }


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), *map(int, sys.argv[2:5]))))

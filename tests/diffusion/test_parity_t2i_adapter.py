"""T2I-Adapters against diffusers, from the same saved folders: features, clean latents, with a ControlNet, sizes."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.diffusion.parity_tools import (
    TOLERANCE,
    load_diffusers,
    noise,
    relative_error,
    save_controlnet,
    save_folder,
    save_t2i_adapter,
)

torch = pytest.importorskip("torch")
diffusers = pytest.importorskip("diffusers")

import mlx.core as mx  # noqa: E402
from mlx.utils import tree_flatten  # noqa: E402

from livemusviz.diffusion.pipeline import Pipeline  # noqa: E402
from livemusviz.diffusion.t2i_adapter import T2IAdapter, T2IAdapterConfig  # noqa: E402
from tests.diffusion.controlled import NEGATIVE, PROMPT, SIZE, clean_latents, load_controlled, picture  # noqa: E402

pytestmark = [pytest.mark.parity, pytest.mark.filterwarnings("ignore")]

FAMILIES = ("sd15", "sdxl-turbo")


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, list[Path]]]:
    """Return by family a model folder and two adapters' folders, made once."""
    made = {}
    for family in FAMILIES:
        root, xl = tmp_path_factory.mktemp(family), family == "sdxl-turbo"
        adapters = [save_t2i_adapter(root / f"adapter-{i}", xl, seed=i) for i in (0, 1)]
        made[family] = (save_folder(root / "model", family), adapters)
    return made


def shown(image: np.ndarray) -> Any:
    return torch.from_numpy(image.transpose(2, 0, 1)[None].copy()) / 255.0


def theirs(model: Path, adapters: list[Path]) -> Any:
    xl = (model / "text_encoder_2").is_dir()
    kind = diffusers.StableDiffusionXLAdapterPipeline if xl else diffusers.StableDiffusionAdapterPipeline
    loaded = [diffusers.T2IAdapter.from_pretrained(adapter) for adapter in adapters]
    adapter = diffusers.MultiAdapter(loaded) if len(loaded) > 1 else loaded[0]
    return load_diffusers(kind, model, diffusers.EulerDiscreteScheduler, adapter=adapter)


def ours(model: Path, nets: list[Path], guided: bool, steps: int) -> Pipeline:
    return load_controlled(model, nets, guided, steps, SIZE)


@pytest.mark.parametrize("in_channels", [3, 1])
@pytest.mark.parametrize("xl", [False, True])
def test_features(xl: bool, in_channels: int, tmp_path: Path) -> None:
    folder = save_t2i_adapter(tmp_path / "adapter", xl, in_channels=in_channels)
    adapter = diffusers.T2IAdapter.from_pretrained(folder)
    family = "sdxl-turbo" if xl else "sd15"
    pipeline = ours(save_folder(tmp_path / "model", family), [folder], guided=False, steps=1)
    (mine,) = pipeline.parts.controls
    assert isinstance(mine, T2IAdapter)
    image = picture(3)
    grey = shown(image) if in_channels == 3 else (shown(image) * torch.tensor([0.299, 0.587, 0.114])[:, None, None])
    with torch.no_grad():
        wanted = adapter(grey if in_channels == 3 else grey.sum(1, keepdim=True))
    found = mine.encode_picture(mx.array(image[None].astype(np.float32) / 255))
    assert len(found) == len(wanted) == 4
    for a, b in zip(found, wanted, strict=True):
        assert relative_error(a, b) < TOLERANCE


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(("scales", "guidance"), [((1.0,), 1.0), ((0.6,), 4.0), ((0.8, 0.3), 4.0)])
def test_pipeline(
    family: str, scales: tuple[float, ...], guidance: float, folders: dict[str, tuple[Path, list[Path]]]
) -> None:
    """Clean latents after one step without guidance, after three with it; and they differ from those without."""
    model, adapters = folders[family]
    adapters, steps = adapters[: len(scales)], 1 if guidance == 1.0 else 3
    images = [picture(7 + i) for i in range(len(adapters))]
    pipeline = ours(model, adapters, guided=guidance != 1.0, steps=steps)
    x, x_torch = noise(1, SIZE[0] // 8, SIZE[1] // 8, 4)
    pictures = [shown(image) for image in images]
    wanted = theirs(model, adapters)(
        PROMPT, negative_prompt=NEGATIVE, num_inference_steps=steps, guidance_scale=guidance, latents=x_torch,
        output_type="latent", adapter_conditioning_scale=list(scales) if len(scales) > 1 else scales[0],
        **{"image": pictures if len(scales) > 1 else pictures[0], "height": SIZE[0], "width": SIZE[1]},
    ).images  # fmt: skip
    for n, image in enumerate(images):
        pipeline.controls.set_picture(n, image)
    found = {on: clean_latents(pipeline, x, guidance, scales if on else (0.0,) * len(scales)) for on in (True, False)}
    assert relative_error(found[True], wanted) < TOLERANCE
    assert relative_error(found[False], wanted) > 100 * TOLERANCE


def test_beside_a_controlnet(folders: dict[str, tuple[Path, list[Path]]], tmp_path: Path) -> None:
    """One evaluation of the UNet with residuals and features."""
    model, (folder, _) = folders["sd15"]
    net = save_controlnet(model, tmp_path / "net")
    pipeline = ours(model, [net, folder], guided=False, steps=1)
    x, x_torch = noise(1, SIZE[0] // 8, SIZE[1] // 8, 4)
    text = pipeline.prompts.encode(PROMPT)
    tokens, t = torch.from_numpy(np.array(text.tokens)), float(pipeline.denoiser.scheduler.timesteps[0])
    image = mx.array(picture(3)[None].astype(np.float32) / 255)
    with torch.no_grad():
        control = diffusers.ControlNetModel.from_pretrained(net)
        down, mid = control(x_torch, t, tokens, shown(picture(3)), return_dict=False)
        wanted = diffusers.UNet2DConditionModel.from_pretrained(model / "unet")(
            x_torch, t, tokens, down_block_additional_residuals=down, mid_block_additional_residual=mid,
            down_intrablock_additional_residuals=diffusers.T2IAdapter.from_pretrained(folder)(shown(picture(3))),
        ).sample  # fmt: skip
    mine, adapter = pipeline.parts.controls
    assert isinstance(adapter, T2IAdapter) and not isinstance(mine, T2IAdapter)
    inputs = text.inputs
    residuals = mine(x, mine.encode_picture(image), inputs.nets[0].conditions[0], inputs.nets[0].keys_values)
    features = adapter.encode_picture(image)
    found = pipeline.parts.unet(x, inputs.conditions[0], inputs.keys_values, residuals, features=features)
    assert relative_error(found, wanted) < TOLERANCE


@pytest.mark.parametrize(
    ("kind", "downscale", "count"), [("full_adapter", 8, 77_369_280), ("full_adapter_xl", 16, 79_028_160)]
)
def test_parameters_at_full_width(kind: str, downscale: int, count: int) -> None:
    """Compare shapes alone: nothing is evaluated on either side, so nothing is allocated."""
    config = {"adapter_type": kind, "downscale_factor": downscale}
    mine = tree_flatten(T2IAdapter(T2IAdapterConfig.read(config, "")).parameters())
    with torch.device("meta"):
        wanted = diffusers.T2IAdapter(**config)
    assert sum(value.size for _, value in mine) == sum(value.numel() for value in wanted.parameters()) == count

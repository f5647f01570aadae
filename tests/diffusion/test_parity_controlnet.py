"""ControlNets against diffusers, from the same saved folders: residuals, and pipelines with one and two of them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.diffusion.parity_tools import TOLERANCE, load_diffusers, noise, relative_error, save_controlnet, save_folder

torch = pytest.importorskip("torch")
diffusers = pytest.importorskip("diffusers")

import mlx.core as mx  # noqa: E402

from livemusviz.diffusion.pipeline import Pipeline  # noqa: E402
from tests.diffusion.controlled import NEGATIVE, PROMPT, clean_latents, load_controlled, picture  # noqa: E402

pytestmark = [pytest.mark.parity, pytest.mark.filterwarnings("ignore")]

FAMILIES = ("sd15", "sd-turbo", "sdxl-turbo")
SIZE = (64, 128)  # height, width


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, list[Path]]]:
    """By family a model folder and two ControlNets' folders, made once."""
    made = {}
    for family in FAMILIES:
        root = tmp_path_factory.mktemp(family)
        model = save_folder(root / "model", family)
        nets = [save_controlnet(model, root / f"control-{i}", seed=i, bgr=i == 1) for i in (0, 1)]
        made[family] = (model, nets)
    return made


def theirs(model: Path, nets: list[Path]) -> Any:
    xl = (model / "text_encoder_2").is_dir()
    kind = diffusers.StableDiffusionXLControlNetPipeline if xl else diffusers.StableDiffusionControlNetPipeline
    controls = [diffusers.ControlNetModel.from_pretrained(net) for net in nets]
    controlnet = controls if len(controls) > 1 else controls[0]
    return load_diffusers(kind, model, diffusers.EulerDiscreteScheduler, controlnet=controlnet)


def ours(model: Path, nets: list[Path], guided: bool, steps: int) -> Pipeline:
    return load_controlled(model, nets, guided, steps, SIZE)


@pytest.mark.parametrize("family", FAMILIES)
def test_residuals(family: str, folders: dict[str, tuple[Path, list[Path]]]) -> None:
    model, (net, _) = folders[family]
    pipeline = ours(model, [net], guided=False, steps=1)
    control = diffusers.ControlNetModel.from_pretrained(net)
    text = pipeline.prompts.encode(PROMPT)
    x, x_torch = noise(1, SIZE[0] // 8, SIZE[1] // 8, 4)
    image = picture(3, SIZE)
    added = {}
    if text.encoding.pooled is not None:
        ids = torch.tensor([[*SIZE, 0, 0, *SIZE]], dtype=torch.float32)
        added = {"text_embeds": torch.from_numpy(np.array(text.encoding.pooled)), "time_ids": ids}
    t = float(pipeline.denoiser.scheduler.timesteps[0])
    with torch.no_grad():
        tokens = torch.from_numpy(np.array(text.tokens))
        shown = torch.from_numpy(image.transpose(2, 0, 1)[None].copy()) / 255.0
        down, mid = control(x_torch, t, tokens, shown, added_cond_kwargs=added, return_dict=False)
    (ours_net,) = pipeline.parts.controls
    encoded = ours_net.encode_picture(mx.array(image[None].astype(np.float32) / 255))
    found = ours_net(x, encoded, text.inputs.nets[0].conditions[0], text.inputs.nets[0].keys_values)
    assert len(found) == len(down) + 1 == (10 if family == "sdxl-turbo" else 13)
    for mine, wanted in zip(found, [*down, mid], strict=True):
        assert relative_error(mine, wanted) < TOLERANCE


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(("scales", "guidance"), [((1.0,), 1.0), ((0.6,), 4.0), ((0.8, 0.3), 4.0)])
def test_pipeline(
    family: str, scales: tuple[float, ...], guidance: float, folders: dict[str, tuple[Path, list[Path]]]
) -> None:
    """Clean latents after one step without guidance, after three with it; and they differ from those without."""
    model, nets = folders[family]
    nets, steps = nets[: len(scales)], 1 if guidance == 1.0 else 3
    images = [picture(7 + i, SIZE) for i in range(len(nets))]
    pipeline = ours(model, nets, guided=guidance != 1.0, steps=steps)
    x, x_torch = noise(1, SIZE[0] // 8, SIZE[1] // 8, 4)
    shown = [torch.from_numpy(image.transpose(2, 0, 1)[None].copy()) / 255.0 for image in images]
    wanted = theirs(model, nets)(
        PROMPT, negative_prompt=NEGATIVE, num_inference_steps=steps, guidance_scale=guidance, latents=x_torch,
        output_type="latent", controlnet_conditioning_scale=list(scales) if len(nets) > 1 else scales[0],
        **{"image": shown if len(nets) > 1 else shown[0], "height": SIZE[0], "width": SIZE[1]},
    ).images  # fmt: skip
    for n, image in enumerate(images):
        pipeline.controls.set_picture(n, image)
    found = {on: clean_latents(pipeline, x, guidance, scales if on else (0.0,) * len(nets)) for on in (True, False)}
    assert relative_error(found[True], wanted) < TOLERANCE
    assert relative_error(found[False], wanted) > 100 * TOLERANCE

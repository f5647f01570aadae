"""Single-file checkpoints: the folder they were made from paints the same; whatever is none is refused in a line."""

import json
from pathlib import Path
from typing import Any

import mlx.core as mx
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from livemusviz.diffusion import keys
from livemusviz.diffusion.autoencoder_kl import AutoencoderKL, KLConfig
from livemusviz.diffusion.catalogue import weights_size
from livemusviz.diffusion.clip import CLIPTextConfig, CLIPTextModel
from livemusviz.diffusion.convert import convert
from livemusviz.diffusion.folder import model_name, resolve_model
from livemusviz.diffusion.original import model_folder, unet_config
from livemusviz.diffusion.pipeline import Pipeline
from livemusviz.diffusion.spec import ModelSpec
from livemusviz.diffusion.tokenizer import PromptTokenizer
from livemusviz.diffusion.unet import UNet2DConditionModel, UNetConfig
from livemusviz.diffusion.vocabulary import END, write_tokenizer
from livemusviz.errors import UserError
from tests.diffusion.model_folders import SCHEDULER, save
from tests.diffusion.original_files import write_original

UNET: dict[str, Any] = {
    "_class_name": "UNet2DConditionModel", "in_channels": 4, "out_channels": 4, "block_out_channels": [64, 128],
    "layers_per_block": 2, "down_block_types": ["CrossAttnDownBlock2D", "DownBlock2D"],
    "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D"], "mid_block_type": "UNetMidBlock2DCrossAttn",
    "attention_head_dim": 8, "cross_attention_dim": 64, "norm_num_groups": 32, "use_linear_projection": False,
}  # fmt: skip
LINEAR = UNET | {"attention_head_dim": [1, 2], "use_linear_projection": True}
XL = LINEAR | {
    "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D"], "up_block_types": ["CrossAttnUpBlock2D", "UpBlock2D"],
    "transformer_layers_per_block": [1, 2], "addition_embed_type": "text_time", "addition_time_embed_dim": 256,
    "projection_class_embeddings_input_dim": 64 + 6 * 256, "cross_attention_dim": 128,
}  # fmt: skip
VAE: dict[str, Any] = {
    "_class_name": "AutoencoderKL", "latent_channels": 4, "in_channels": 3, "out_channels": 3,
    "block_out_channels": [32, 64], "layers_per_block": 1, "scaling_factor": 0.18215,
    "down_block_types": ["DownEncoderBlock2D"] * 2, "up_block_types": ["UpDecoderBlock2D"] * 2,
}  # fmt: skip
TEXT: dict[str, Any] = {
    "architectures": ["CLIPTextModel"], "vocab_size": 49408, "hidden_size": 64, "intermediate_size": 128,
    "num_hidden_layers": 2, "num_attention_heads": 1, "max_position_embeddings": 77, "hidden_act": "quick_gelu",
}  # fmt: skip
OPEN = TEXT | {"hidden_act": "gelu"}
FAMILIES: dict[str, tuple[dict[str, Any], dict[str, Any], tuple[dict[str, Any], ...], str]] = {
    "1": (UNET, VAE, (TEXT,), "epsilon"),
    "2": (LINEAR, VAE, (OPEN,), "v_prediction"),
    "xl": (
        XL,
        VAE | {"scaling_factor": 0.13025, "force_upcast": True},
        (TEXT, OPEN | {"architectures": ["CLIPTextModelWithProjection"], "projection_dim": 64}),
        "epsilon",
    ),
}


def write_folder(folder: Path, family: str) -> Path:
    """A random reduced model of a family in diffusers layout, with its family's schedule and tokenizers."""
    unet, vae, texts, predicts = FAMILIES[family]
    mx.random.seed(5)
    stem = "diffusion_pytorch_model"
    save(folder / "unet", stem, UNet2DConditionModel(UNetConfig.read(unet, "")), keys.UNET, unet)
    save(folder / "vae", stem, AutoencoderKL(KLConfig.read(vae, "")), keys.AUTOENCODER_KL, vae)
    index: dict[str, Any] = {"_class_name": "StableDiffusionPipeline"}
    for n, text in zip(("", "_2"), texts, strict=False):
        save(folder / f"text_encoder{n}", "model", CLIPTextModel(CLIPTextConfig.read(text, "")), keys.CLIP_TEXT, text)
        write_tokenizer(folder / f"tokenizer{n}", "!" if text["hidden_act"] == "gelu" else END)
        index |= {f"text_encoder{n}": ["transformers", "CLIPTextModel"]}
    schedule = {"prediction_type": predicts, "timestep_spacing": "trailing"}
    (folder / "scheduler").mkdir()
    (folder / "scheduler" / "scheduler_config.json").write_text(json.dumps(SCHEDULER | schedule))
    (folder / "model_index.json").write_text(json.dumps(index))
    return folder


@pytest.fixture(scope="module", params=list(FAMILIES))
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path, Path]:
    """A family, its folder, and the single file made of it."""
    made = tmp_path_factory.mktemp("original")
    folder = write_folder(made / "folder", request.param)
    return request.param, folder, write_original(folder, made / f"my-{request.param}.safetensors")


def painted(folder: Path) -> np.ndarray:
    pipeline = Pipeline.load(ModelSpec(folder), 64, 64, compiled=False)
    noise = np.random.default_rng(3).standard_normal(pipeline.latent_shape, dtype=np.float32)
    latents = pipeline.denoise(mx.array(noise)[None], pipeline.prompts.encode("a red barn, 4k!"))
    return np.array(latents), np.array(pipeline.graph.decode(latents)[0])


def test_a_single_file_paints_what_its_folder_paints(pair: tuple[str, Path, Path], tmp_path: Path) -> None:
    """Also when it is written as a folder."""
    _, folder, path = pair
    latents, image = painted(folder)
    assert model_name(resolve_model(str(path))) == path.stem
    single, single_image = painted(resolve_model(str(path)))
    assert np.abs(single - latents).max() <= 1e-5 * np.abs(latents).max()
    np.testing.assert_allclose(single_image.astype(int), image, atol=1)  # a value between two steps goes either way
    convert(ModelSpec(resolve_model(str(path)), bits=16), tmp_path / "written")
    np.testing.assert_allclose(painted(tmp_path / "written")[0], latents, rtol=1e-5, atol=1e-5)


def test_configs_and_schedule_follow_from_the_file(pair: tuple[str, Path, Path]) -> None:
    family, folder, path = pair
    made = model_folder(path)
    for part, read in (("unet", UNetConfig.read), ("vae", KLConfig.read)):
        configs = [json.loads((place / part / "config.json").read_text()) for place in (made, folder)]
        assert read(configs[0], "") == read(configs[1], ""), part
    schedule = json.loads((made / "scheduler" / "scheduler_config.json").read_text())
    assert schedule["prediction_type"] == FAMILIES[family][3]
    assert weights_size(made) == path.stat().st_size
    assert model_folder(path) == made, "made once"


def test_metadata_and_marks_tell_what_the_unet_predicts(pair: tuple[str, Path, Path], tmp_path: Path) -> None:
    _, _, path = pair
    tensors = load_file(path)
    save_file(tensors, tmp_path / "said.safetensors", {"modelspec.prediction_type": "epsilon"})
    save_file(
        tensors | {"v_pred": np.zeros(0, np.float32), "ztsnr": np.zeros(0, np.float32)}, tmp_path / "v.safetensors"
    )
    said, marked = (
        json.loads((model_folder(tmp_path / f"{name}.safetensors") / "scheduler" / "scheduler_config.json").read_text())
        for name in ("said", "v")
    )
    assert said["prediction_type"] == "epsilon" and not said["rescale_betas_zero_snr"]
    assert marked["prediction_type"] == "v_prediction" and marked["rescale_betas_zero_snr"]


def test_the_published_architectures_are_recognised_by_their_shapes() -> None:
    """SD 1.5, 2.1 and XL at their real widths: the shapes of the original repository's UNets."""
    widths = {"block_out_channels": [320, 640, 1280, 1280], "layers_per_block": 2}
    four = {"down_block_types": ["CrossAttnDownBlock2D"] * 3 + ["DownBlock2D"]}
    four["up_block_types"] = ["UpBlock2D"] + ["CrossAttnUpBlock2D"] * 3
    third = {"down_block_types": ["DownBlock2D", *["CrossAttnDownBlock2D"] * 2]}
    third["up_block_types"] = [*["CrossAttnUpBlock2D"] * 2, "UpBlock2D"]
    published: list[tuple[dict[str, Any], float]] = [
        (UNET | widths | four | {"cross_attention_dim": 768, "attention_head_dim": 8}, 859.5e6),
        (LINEAR | widths | four | {"cross_attention_dim": 1024, "attention_head_dim": [5, 10, 20, 20]}, 865.9e6),
        (
            XL | third | {
                "block_out_channels": [320, 640, 1280], "cross_attention_dim": 2048, "attention_head_dim": [5, 10, 20],
                "transformer_layers_per_block": [1, 2, 10], "projection_class_embeddings_input_dim": 2816,
            },
            2567.5e6,
        ),
    ]  # fmt: skip
    from tests.diffusion.original_files import unet_name
    from tests.diffusion.shapes import torch_shapes

    for config, parameters in published:
        shapes = torch_shapes(UNet2DConditionModel(UNetConfig.read(config, "")), config["use_linear_projection"])
        assert sum(int(np.prod(shape)) for shape in shapes.values()) == pytest.approx(parameters, rel=1e-3)
        found = unet_config({unet_name(name, config): shape for name, shape in shapes.items()})
        assert UNetConfig.read(found, "") == UNetConfig.read(config, "")


def test_clip_tokens_are_the_published_ones(tmp_path: Path) -> None:
    """Ids as CLIP's own tokenizer gives them."""
    write_tokenizer(tmp_path / "tokenizer", END)
    tokens = PromptTokenizer(tmp_path / "tokenizer", 77)("a photo of a cat!")[0]
    assert list(tokens[:9]) == [49406, 320, 1125, 539, 320, 2368, 256, 49407, 49407]


REFUSED = {
    "flux": ({"double_blocks.0.img_attn.qkv.weight": (4, 4)}, "it is a Flux model"),
    "sd3": ({"model.diffusion_model.joint_blocks.0.x_block.attn.qkv.weight": (4, 4)}, "a Stable Diffusion 3 model"),
    "lora": ({"lora_unet_down_blocks_0.lora_down.weight": (4, 4)}, "it is a LoRA; give it as --lora"),
    "part": ({"down_blocks.0.resnets.0.conv1.weight": (4, 4, 3, 3)}, "give the folder"),
    "other": ({"weight": (4, 4)}, "no model that is known"),
    "half": ({"model.diffusion_model.input_blocks.0.0.weight": (4, 4, 3, 3)}, "a part of the model is missing"),
}


@pytest.mark.parametrize("kind", list(REFUSED))
def test_other_files_are_refused_in_one_sentence(tmp_path: Path, kind: str) -> None:
    shapes, told = REFUSED[kind]
    path = tmp_path / "other.safetensors"
    save_file({name: np.zeros(shape, np.float16) for name, shape in shapes.items()}, path)
    with pytest.raises(UserError) as error:
        resolve_model(str(path))
    assert told in str(error.value) and "\n" not in str(error.value) and str(path) in str(error.value)


def test_pickles_inpainting_and_broken_files_are_refused(pair: tuple[str, Path, Path], tmp_path: Path) -> None:
    tensors = load_file(pair[2])
    for name in ("a.ckpt", "a.safetensors"):
        (tmp_path / name).write_bytes(b"no model")
    first = "model.diffusion_model.input_blocks.0.0.weight"
    save_file(tensors | {first: np.zeros((64, 9, 3, 3), np.float16)}, tmp_path / "paint.safetensors")
    bare = {name: t for name, t in tensors.items() if not name.startswith(("cond_stage", "conditioner"))}
    save_file(bare, tmp_path / "bare.safetensors")
    for name, told in (
        ("a.ckpt", "a pickle can run any code"),
        ("a.safetensors", "not a valid safetensors file"),
        ("paint.safetensors", "a model for inpainting"),
        ("bare.safetensors", "no text encoder in it"),
    ):
        with pytest.raises(UserError, match=told):
            resolve_model(str(tmp_path / name))


@pytest.mark.parity
def test_names_are_those_that_diffusers_converts_to(pair: tuple[str, Path, Path]) -> None:
    """Every tensor of the UNet, the autoencoder and OpenCLIP, by the functions of `from_single_file`."""
    utils = pytest.importorskip("diffusers.loaders.single_file_utils")
    torch = pytest.importorskip("torch")
    from livemusviz.diffusion.original import REFERENCE, read_referred

    _, _, path = pair
    made = model_folder(path)
    checkpoint = {name: torch.from_numpy(tensor) for name, tensor in load_file(path).items()}
    configs = {part: json.loads((made / part / "config.json").read_text()) for part in ("unet", "vae")}
    wanted = {
        "unet": utils.convert_ldm_unet_checkpoint(dict(checkpoint), configs["unet"]),
        "vae": utils.convert_ldm_vae_checkpoint(dict(checkpoint), configs["vae"]),
    }
    for part, tensors in wanted.items():
        ours = read_referred(made / part / f"diffusion_pytorch_model{REFERENCE}", lambda file: load_file(file))
        assert ours.keys() == tensors.keys()
        for name, tensor in tensors.items():
            np.testing.assert_array_equal(ours[name], tensor.numpy().reshape(ours[name].shape), err_msg=name)

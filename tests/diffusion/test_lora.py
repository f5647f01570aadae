"""LoRA files that do not fit, as a ladder: each ends in one line. Exactness is in test_parity_pipelines.py."""

from collections.abc import Callable
from pathlib import Path

import mlx.core as mx
import numpy as np
import pytest
from safetensors.numpy import save_file

from livemusviz.diffusion.pipeline import Pipeline
from livemusviz.diffusion.spec import LoraSpec, ModelSpec, parse_lora
from livemusviz.errors import UserError

KEY = "unet.down_blocks.0.resnets.0.conv1"
Tensors = dict[str, np.ndarray]


def tensors() -> Tensors:
    rng = np.random.default_rng(0)
    shapes = {f"{KEY}.lora_A.weight": (2, 16, 3, 3), f"{KEY}.lora_B.weight": (16, 2, 1, 1)}
    return {name: rng.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}


def drawn(folder: Path, *loras: LoraSpec, bits: int = 16) -> np.ndarray:
    """Clean latents of one noise and prompt."""
    pipeline = Pipeline.load(ModelSpec(folder, loras=loras, bits=bits), 64, 64)
    noise = np.random.default_rng(1).standard_normal((1, *pipeline.latent_shape), dtype=np.float32)
    return np.array(pipeline.denoise(mx.array(noise), pipeline.encode_prompt("red")))


def far(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.linalg.norm(a - b) / np.linalg.norm(b))


@pytest.mark.parametrize("bits", [16, 8])
def test_fused_and_live_draw_the_same(tiny_folder: Path, tmp_path: Path, bits: int) -> None:
    """Two files of the same name at once, also onto packed weights; a weight of 0 changes nothing."""
    first, second = (tmp_path / folder / "pytorch_lora_weights.safetensors" for folder in "ab")
    for path in (first, second):
        path.parent.mkdir()
    save_file(tensors(), first)
    save_file({name: 0.3 * a[::-1].copy() for name, a in tensors().items()}, second)
    plain = drawn(tiny_folder, bits=bits)
    fused = drawn(tiny_folder, LoraSpec(first), LoraSpec(second), bits=bits)
    live = drawn(tiny_folder, LoraSpec(first, live=True), LoraSpec(second, live=True), bits=bits)
    change = far(fused, plain)
    assert change > 0.02
    assert far(live, fused) < (1e-4 if bits == 16 else 0.2 * change)
    assert far(drawn(tiny_folder, LoraSpec(first, 0.0), bits=bits), plain) < (1e-6 if bits == 16 else 0.2 * change)


LADDER: list[tuple[Callable[[Tensors], object], str]] = [
    (lambda t: t.clear(), "no layer has both halves"),
    (lambda t: t.pop(f"{KEY}.lora_A.weight"), f"{KEY} has both halves"),
    (lambda t: t.update(other=np.zeros(1, np.float32)), "other is not a tensor of a LoRA"),
    (lambda t: t.update({f"{KEY}.hada_w1_a": np.zeros(1, np.float32)}), "another method"),
    (lambda t: t.update({"unet.no.lora_A.weight": np.zeros((2, 2), np.float32)}), "unet.no is no layer"),
    (lambda t: t.update({f"{KEY}.lora_B.weight": np.zeros((16, 3), np.float32)}), "do not multiply"),
    (lambda t: t.update({f"{KEY}.lora_B.weight": np.zeros((8, 2), np.float32)}), "made for another model"),
    (lambda t: t.update({f"{KEY}.lora_A.weight": np.zeros((2, 16, 5, 5), np.float32)}), "made for another model"),
]


@pytest.mark.parametrize(("spoil", "told"), LADDER, ids=[told for _, told in LADDER])
def test_ladder(tiny_folder: Path, tmp_path: Path, spoil: Callable[[Tensors], object], told: str) -> None:
    found = tensors()
    spoil(found)
    path = tmp_path / "bad.safetensors"
    save_file(found, path)
    with pytest.raises(UserError) as raised:
        drawn(tiny_folder, LoraSpec(path))
    message = str(raised.value)
    assert told in message and str(path) in message and "\n" not in message and len(message) < 500


def test_files_that_are_no_lora(tiny_folder: Path, tmp_path: Path) -> None:
    for name, told in (
        ("a.pt", "could run code"),
        ("gone.safetensors", "not a valid"),
        ("b.safetensors", "not a valid"),
    ):
        (tmp_path / "b.safetensors").write_bytes(b"12345678")
        with pytest.raises(UserError, match=told):
            drawn(tiny_folder, LoraSpec(tmp_path / name))
    path = tmp_path / "heavy.safetensors"
    save_file(tensors(), path)
    with pytest.raises(UserError, match="weight 9"):
        drawn(tiny_folder, LoraSpec(path, 9.0))


def test_on_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    assert parse_lora("a/b.safetensors:0.8", live=True) == LoraSpec(Path("a/b.safetensors"), 0.8, True)
    assert parse_lora("odd:name.safetensors", live=False) == LoraSpec(Path("odd:name.safetensors"))
    with pytest.raises(UserError, match="models fetch org/name"):
        parse_lora("org/name/file.safetensors", live=False)

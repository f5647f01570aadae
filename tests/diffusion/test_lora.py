"""LoRA files that do not fit, as a ladder: each ends in one line. Exactness is in test_parity_pipelines.py."""

import json
import os
import struct
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
    return np.array(pipeline.denoise(mx.array(noise), pipeline.prompts.encode("red")))


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
    (lambda t: t.clear(), "no layer of a LoRA in it"),
    (lambda t: t.pop(f"{KEY}.lora_A.weight"), f"{KEY} lacks its down half"),
    (lambda t: t.pop(f"{KEY}.lora_B.weight"), f"{KEY} lacks its up half"),
    (lambda t: (t.clear(), t.update({f"{KEY}.alpha": np.float32([1])})), f"{KEY} lacks its"),
    (lambda t: t.update(other=np.zeros(1, np.float32)), "other is not a tensor of a LoRA"),
    (lambda t: t.update({f"{KEY}.hada_w1_a": np.zeros(1, np.float32)}), "another method"),
    *(
        (
            lambda t, name=name: t.update({f"{KEY}.{name}": np.zeros(1, np.float32)}),
            f"another method than LoRA ({method}",
        )
        for name, method in {
            "hada_w1_a": "LoHa",
            "lokr_w1": "LoKr",
            "oft_blocks": "OFT",
            "dora_scale": "DoRA",
            "diff": "a full",
            "lora_magnitude_vector": "DoRA",
            "a1.weight": "GLoRA",
            "on_input": "IA3",
            "w_norm": "a full",
        }.items()
    ),
    *(
        (lambda t, name=name: t.update({name: np.zeros(1, np.float32)}), f"not a tensor of a LoRA: it is {kind}")
        for name, kind in {
            "emb_params": "a textual inversion",
            "clip_g": "a textual inversion",
            "<cat>": "a textual inversion",
            "image_proj.proj.weight": "an IP-Adapter",
            "control_model.x": "a ControlNet",
            "decoder.x": "an autoencoder",
            "model.diffusion_model.x": "a whole model",
            "down_blocks.0.motion_modules.0.x": "a motion module",
        }.items()
    ),
    (lambda t: t.update({"unet.no.lora_A.weight": np.zeros((2, 2), np.float32)}), "unet.no is no layer"),
    (lambda t: t.update({f"{KEY}.lora_B.weight": np.zeros((16, 3), np.float32)}), "do not multiply"),
    (lambda t: t.update({f"{KEY}.lora_B.weight": np.zeros((8, 2), np.float32)}), "made for another model"),
    (lambda t: t.update({f"{KEY}.lora_A.weight": np.zeros((2, 16, 5, 5), np.float32)}), "made for another model"),
    (lambda t: [t.update({n: a[:0] if "_A" in n else a[:, :0]}) for n, a in list(t.items())], "rank 0"),
    (lambda t: t.update({f"{KEY}.lora_A.weight": np.array(1, np.float32)}), "do not multiply"),
    (lambda t: t.update({f"{KEY}.lora_A.weight": np.zeros((2, 16, 3, 3))}), "lora_A.weight has dtype F64"),
    (lambda t: t.update({f"{KEY}.lora_A.weight": np.ones((2, 16, 3, 3), np.int8)}), "lora_A.weight has dtype I8"),
    (lambda t: t.update({f"{KEY}.alpha": np.float64([1])}), "alpha has dtype F64"),
    (lambda t: t.update({f"{KEY}.alpha": np.ones(3, np.float32)}), "an alpha is one number"),
    (lambda t: t.update({f"{KEY}.alpha": np.float32([np.nan])}), "alpha holds NaN"),
    (lambda t: t.update({f"{KEY}.alpha": np.float16([np.inf])}), "alpha holds NaN or infinity"),
    (lambda t: t.update({f"{KEY}.alpha": np.float32([1e30])}), "alpha is 1.0000000150474662e+30, at most 1e+06"),
    (lambda t: t.update({n: a * np.float32(np.nan) for n, a in t.items()}), "weight holds NaN"),
    (lambda t: t.update({"foo.alpha": np.float32([1])}), "foo is no layer"),
    (lambda t: t.update({"a\n\x1b[31m" + "x" * 100_000: np.float32([1])}), "a\\n\\x1b[31mxxx"),
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


def write_float8(path: Path) -> None:
    """One number of 8 bits, which numpy cannot write and mlx reads as a whole number."""
    entry = {"dtype": "F8_E4M3", "shape": [], "data_offsets": [0, 1]}
    header = json.dumps({f"{KEY}.lora_A.weight": entry}).encode()
    path.write_bytes(struct.pack("<Q", len(header)) + header + bytes(1))


def test_files_that_are_no_lora(tiny_folder: Path, tmp_path: Path) -> None:
    for name, told in (
        ("a.pt", "could run code"),
        ("gone.safetensors", "there is no such file"),
        ("pipe.safetensors", "not a regular file"),
        ("f8.safetensors", "lora_A.weight has dtype F8_E4M3; F16"),
        ("b.safetensors", "not a valid"),
    ):
        (tmp_path / "b.safetensors").write_bytes(b"12345678")
        write_float8(tmp_path / "f8.safetensors")
        if not (tmp_path / "pipe.safetensors").exists():
            os.mkfifo(tmp_path / "pipe.safetensors")
        with pytest.raises(UserError, match=told):
            drawn(tiny_folder, LoraSpec(tmp_path / name))
    path = tmp_path / "heavy.safetensors"
    save_file(tensors(), path)
    with pytest.raises(UserError, match="weight 9"):
        drawn(tiny_folder, LoraSpec(path, 9.0))


def test_on_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    assert parse_lora("a/b.safetensors:0.8", live=True) == LoraSpec(Path("a/b.safetensors"), 0.8, True)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "take 1:0.8").touch()
    assert parse_lora("take 1:0.8", live=False) == LoraSpec(Path("take 1:0.8"))
    assert parse_lora("take 1:0.8:0.5", live=False) == LoraSpec(Path("take 1:0.8"), 0.5)
    with pytest.raises(UserError, match=r"--lora x.safetensors:0,8: the weight '0,8' is no number; give -4 to 4"):
        parse_lora("x.safetensors:0,8", live=False)
    assert parse_lora("odd:name.safetensors", live=False) == LoraSpec(Path("odd:name.safetensors"))
    with pytest.raises(UserError, match="models fetch org/name"):
        parse_lora("org/name/file.safetensors", live=False)


@pytest.mark.parametrize("told", ["[1]", "1", "{", "[" * 100_000, '{"unet.lora_alpha": "x"}'])
def test_metadata_that_tells_no_alpha_changes_nothing(tiny_folder: Path, tmp_path: Path, told: str) -> None:
    save_file(tensors(), tmp_path / "plain.safetensors")
    save_file(tensors(), tmp_path / "told.safetensors", metadata={"lora_adapter_metadata": told})
    found = [drawn(tiny_folder, LoraSpec(tmp_path / f"{name}.safetensors")) for name in ("plain", "told")]
    np.testing.assert_array_equal(*found)


def test_bundled_inversions_are_told_and_left_out(
    tiny_folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """As files of pivotal tuning bring them, whatever numbers they hold."""
    words = {f"bundle_emb.{w}.string_to_param.*": np.full((2, 32), np.nan, np.float32) for w in ("s1", "s2")}
    save_file(tensors(), tmp_path / "plain.safetensors")
    save_file(tensors() | words, tmp_path / "bundled.safetensors")
    found = [drawn(tiny_folder, LoraSpec(tmp_path / f"{name}.safetensors")) for name in ("plain", "bundled")]
    np.testing.assert_array_equal(*found)
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 1 and "(s1, s2) are left out" in told[0]


PATTERNS = [
    ({"(a+)+": 1}, "unet.alpha_pattern '(a+)+' is not read"),
    ({".*a.*": 1}, "unet.alpha_pattern '.*a.*' is not read"),
    ({"conv1": "x"}, "unet.alpha_pattern conv1 is x, at most 1e+06"),
    ({"conv1": 1e7}, "conv1 is 10000000.0, at most"),
    ({f".*{i}": 1 for i in range(99)}, "at most 64 expressions"),
]


@pytest.mark.parametrize(("pattern", "told"), PATTERNS)
def test_patterns_that_are_not_read(tiny_folder: Path, tmp_path: Path, pattern: dict[str, object], told: str) -> None:
    metadata = {"lora_adapter_metadata": json.dumps({"unet.alpha_pattern": pattern})}
    save_file(tensors(), tmp_path / "told.safetensors", metadata=metadata)
    with pytest.raises(UserError) as raised:
        drawn(tiny_folder, LoraSpec(tmp_path / "told.safetensors"))
    assert told in str(raised.value) and str(tmp_path) in str(raised.value)


@pytest.mark.parametrize("alpha", ["1e999", "NaN", "-Infinity", "1" + "0" * 400])
def test_told_alpha_must_be_a_number(tiny_folder: Path, tmp_path: Path, alpha: str) -> None:
    told = f'{{"unet.lora_alpha": {alpha}}}'
    save_file(tensors(), tmp_path / "told.safetensors", metadata={"lora_adapter_metadata": told})
    with pytest.raises(UserError, match=r"unet\.lora_alpha is .*, at most"):
        drawn(tiny_folder, LoraSpec(tmp_path / "told.safetensors"))


@pytest.mark.parametrize("alpha", [np.float32(4), np.float32([4]), np.float16(4), np.int64(4)])
def test_alpha_as_any_number(tiny_folder: Path, tmp_path: Path, alpha: np.ndarray) -> None:
    """Four at rank two is a weight of two."""
    save_file(tensors(), tmp_path / "plain.safetensors")
    save_file(tensors() | {f"{KEY}.alpha": np.asarray(alpha)}, tmp_path / "alpha.safetensors")
    wanted = drawn(tiny_folder, LoraSpec(tmp_path / "plain.safetensors", 2.0))
    assert far(drawn(tiny_folder, LoraSpec(tmp_path / "alpha.safetensors")), wanted) < 1e-6

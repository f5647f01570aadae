"""`models fetch` against a hub on loopback: which files, resuming, and what a user is told when it will not do.

And what the commands that paint and list say of paths and disks that will not do.
"""

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from livemusviz.cli import main
from livemusviz.diffusion.catalogue import files_needed
from livemusviz.diffusion.folder import find_autoencoder, resolve_model
from livemusviz.diffusion.spec import parse_lora
from livemusviz.errors import UserError
from tests.cli.hub import COMMIT, Hub, running

LARGE = 32 << 20  # bytes; more than the pieces a download is written in
KL = json.dumps({"_class_name": "AutoencoderKL", "scaling_factor": 0.18215}).encode()
REPOSITORIES = {
    "stabilityai/sd-turbo": {
        "model_index.json": b"{}",
        "README.md": b"#",
        "sd_turbo.safetensors": b"x" * 9,
        "scheduler/scheduler_config.json": b"{}",
        "tokenizer/vocab.json": b"{}",
        "tokenizer/merges.txt": b"",
        "text_encoder/config.json": b"{}",
        "text_encoder/model.fp16.safetensors": b"x" * 5,
        "text_encoder/model.safetensors": b"x" * 10,
        "unet/config.json": b"{}",
        "unet/diffusion_pytorch_model.fp16.safetensors": b"x" * LARGE,
        "unet/diffusion_pytorch_model.safetensors": b"x" * 2,
        "unet/diffusion_pytorch_model.bin": b"x",
        "vae/config.json": KL,
        "vae/diffusion_pytorch_model.safetensors": b"x" * 7,
        "safety_checker/model.safetensors": b"x",
    },
    "madebyollin/taesd": {
        "config.json": b"{}",
        "diffusion_pytorch_model.safetensors": b"t",
        "taesd.safetensors": b"",
    },
    "ByteDance/Hyper-SD": {"Hyper-SD15-1step-lora.safetensors": b"lora", "other.safetensors": b"x"},
    "org/pickle": {"model_index.json": b"{}", "unet/config.json": b"{}", "unet/diffusion_pytorch_model.bin": b"x"},
}
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def hub() -> Iterator[Hub]:
    with running(REPOSITORIES) as made:
        yield made


@pytest.fixture
def run(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))

    def start(*words: str) -> subprocess.CompletedProcess[str]:
        quiet = {"HF_HUB_DISABLE_XET": "1", "HF_HUB_DOWNLOAD_TIMEOUT": "2", "HF_HUB_ETAG_TIMEOUT": "2"}
        environment = os.environ | quiet | {"HF_ENDPOINT": hub.url, "no_proxy": "127.0.0.1", "HF_TOKEN": ""}
        command = [sys.executable, "-m", "livemusviz", "models", "fetch", *words]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)

    return start


def fetched(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_a_model_and_the_tiny_autoencoder_that_fits_it(run: Run, hub: Hub) -> None:
    """Half precision where there is, no pickle, no safety checker, no full autoencoder; then `live` finds both."""
    done = run("stabilityai/sd-turbo", "--json")
    assert done.returncode == 0, done.stderr
    model, tiny = map(Path, json.loads(done.stdout))
    assert fetched(model) == {
        "model_index.json", "scheduler/scheduler_config.json", "tokenizer/vocab.json", "tokenizer/merges.txt",
        "text_encoder/config.json", "text_encoder/model.fp16.safetensors", "unet/config.json", "vae/config.json",
        "unet/diffusion_pytorch_model.fp16.safetensors",
    }  # fmt: skip
    assert fetched(tiny) == {"config.json", "diffusion_pytorch_model.safetensors"}
    assert resolve_model("stabilityai/sd-turbo") == model
    assert find_autoencoder(model, "auto") == tiny == find_autoencoder(model, "madebyollin/taesd")
    again = len(hub.served)
    assert run("stabilityai/sd-turbo").returncode == 0
    assert len(hub.served) == again


def test_its_own_autoencoder_and_one_file(run: Run) -> None:
    done = run("stabilityai/sd-turbo", "ByteDance/Hyper-SD/Hyper-SD15-1step-lora.safetensors", "--vae", "own", "--json")
    assert done.returncode == 0, done.stderr
    model, lora = map(Path, json.loads(done.stdout))
    assert "vae/diffusion_pytorch_model.safetensors" in fetched(model)
    assert find_autoencoder(model, "auto") is None
    assert lora.read_bytes() == b"lora" and len(fetched(lora.parent)) == 1
    spec = parse_lora("ByteDance/Hyper-SD/Hyper-SD15-1step-lora.safetensors:0.5", live=False)
    assert spec.path == lora and spec.weight == 0.5


def test_an_interrupted_download_goes_on_where_it_was(run: Run, hub: Hub) -> None:
    """The connection breaks in the middle: what has arrived is not asked for again."""
    large = "unet/diffusion_pytorch_model.fp16.safetensors"
    hub.broken.add(large)
    done = run("stabilityai/sd-turbo", "--json")
    assert done.returncode == 0, done.stderr
    offsets = [first for path, first in hub.served if path == large]
    assert offsets[0] == 0 and max(offsets) >= LARGE // 4
    model = Path(json.loads(done.stdout)[0])
    assert (model / large).read_bytes() == REPOSITORIES["stabilityai/sd-turbo"][large]


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("org/nothing", "no such model"),
        ("org/pickle", "save_pretrained"),
        ("ByteDance/Hyper-SD", "name one of its files"),
        ("../../etc", "give ORG/NAME"),
        ("a/../b", "give ORG/NAME"),
    ],
)
def test_one_clear_line(run: Run, name: str, told: str) -> None:
    done = run(name)
    assert done.returncode == 2
    assert told in done.stderr.splitlines()[-1] and name in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("name", ["stabilityai/sd-turbo", "ByteDance/Hyper-SD/lora.safetensors"])
def test_no_network(run: Run, hub: Hub, name: str) -> None:
    """The hub's client would ask six times and warn of each."""
    hub.url, start = "http://127.0.0.1:9", time.monotonic()
    done = run(name)
    assert done.returncode == 2
    assert done.stderr.startswith(f"livemusviz: {name.removesuffix('/lora.safetensors')}: not fetched")
    assert len(done.stderr.splitlines()) == 1 and time.monotonic() - start < 15


def test_shards_bring_their_index() -> None:
    names = ["model_index.json", "unet/config.json"]
    shards = [f"unet/diffusion_pytorch_model-0000{i}-of-00002.safetensors" for i in (1, 2)]
    index = "unet/diffusion_pytorch_model.safetensors.index.json"
    assert set(files_needed([*names, *shards, index])) == {*names, *shards, index}
    half = [f"unet/diffusion_pytorch_model.fp16-0000{i}-of-00002.safetensors" for i in (1, 2)]
    told = "unet/diffusion_pytorch_model.safetensors.index.fp16.json"
    assert set(files_needed([*names, *shards, *half, index, told])) == {*names, *half, told}
    for spelling in (".fp16.safetensors.index.json", ".safetensors.fp16.index.json"):
        older = f"unet/diffusion_pytorch_model{spelling}"
        assert set(files_needed([*names, *shards, *half, index, older])) == {*names, *half, older}
    with pytest.raises(UserError, match="no weights"):
        files_needed(names)


def test_a_model_without_its_autoencoder_says_what_to_fetch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    (tmp_path / "vae").mkdir()
    (tmp_path / "vae/config.json").write_bytes(KL)
    with pytest.raises(UserError, match="fetch madebyollin/taesd"):
        find_autoencoder(tmp_path, "auto")
    with pytest.raises(UserError, match="no such folder"):
        find_autoencoder(tmp_path, "nowhere")
    assert COMMIT not in str(find_autoencoder(tmp_path, "own"))


@pytest.mark.parametrize("name", ["x" * 300, "~nobody-here/x"])
def test_no_path_at_all(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (
        ["generate", "--prompt", "lava", "-o", name],
        ["generate", "--prompt", "lava", "--model", name, "-o", str(tmp_path / "x.png")],
        ["models", "convert", "embedded", "-o", name],
        ["models", "list", name],
    ):
        assert main(words) == 2
        told = capsys.readouterr().err
        assert "no usable path" in told and len(told.splitlines()) == 1


def test_a_picture_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    """On a full disk the picture that was there stays; with room the new one takes its place, under ~ too."""
    path = tmp_path / "lava.png"
    path.write_bytes(b"before")

    def paint(free: int, output: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "livemusviz", "generate", "--prompt", "lava", "--size", "64", "-o", output]
        environment = os.environ | {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
        limit = (free, resource.RLIM_INFINITY) if free else resource.getrlimit(resource.RLIMIT_FSIZE)
        return subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=120,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit),
        )  # fmt: skip

    done = paint(1000, str(path))
    assert done.returncode == 2 and "cannot write" in done.stderr and len(done.stderr.splitlines()) == 1
    assert path.read_bytes() == b"before"
    assert paint(0, "~/lava.png").returncode == 0
    assert path.read_bytes().startswith(b"\x89PNG")
    assert {each.name for each in tmp_path.iterdir()} <= {"lava.png", "cache"}

"""Reads the headers of safetensors files, by the safetensors library: checked, not loaded. Any thread; no mlx."""

from __future__ import annotations

import stat
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError, safe_open

from livemusviz.errors import UserError

MAX_TENSORS = 20_000
MAX_NAME = 96
"""Characters of a file's own text in a message; tensors' real names are shorter."""
FLOATS = ("F16", "BF16", "F32")


@dataclass(frozen=True)
class TensorInfo:
    """A tensor as its file's header declares it."""

    shape: tuple[int, ...]
    dtype: str


def file_bytes(path: Path) -> int:
    """Return the size of a regular file; reading a pipe could wait for ever. Raises UserError, OSError."""
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):
        raise UserError(f"{path}: not a regular file, so it is not read")
    return found.st_size


def read_header(path: Path) -> dict[str, TensorInfo]:
    """Return names, shapes and dtypes of all tensors in a file, which is checked but not loaded. Raises UserError."""
    try:
        file_bytes(path)
        with safe_open(path, framework="numpy") as file:
            names = list(file.keys())
            if len(names) > MAX_TENSORS:
                raise UserError(f"{path}: {len(names)} tensors, at most {MAX_TENSORS} are read")
            slices = {name: file.get_slice(name) for name in names}
            return {n: TensorInfo(tuple(s.get_shape()), s.get_dtype()) for n, s in slices.items()}
    except FileNotFoundError:
        raise UserError(f"{path}: there is no such file") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({one_line(error)})") from None
    except SafetensorError as error:
        raise UserError(f"{path}: not a valid safetensors file ({one_line(error)}); fetch it again") from None


def read_metadata(path: Path) -> dict[str, str]:
    """Return the texts that a file carries beside its tensors. UserError as `read_header`."""
    read_header(path)
    with safe_open(path, framework="numpy") as file:
        return dict(file.metadata() or {})


def shown(text: str, limit: int = MAX_NAME) -> str:
    """Return a file's own text as a message may hold it: on one line, nothing that a terminal obeys, cut at `limit`."""
    safe = "".join(c if c.isprintable() else repr(c)[1:-1] for c in text[: limit + 1])
    return safe if len(safe) <= limit else f"{safe[:limit]}..."


def one_line(error: Exception) -> str:
    return shown(" ".join(str(error).split()), 200)

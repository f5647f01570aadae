"""Parts of one frame side by side, each on an MLX stream of its own: how a processor's cores share a small model.

MLX runs a stream's operations in order on one thread. Engine thread.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cache, partial

import mlx.core as mx

Stream = Callable[[], AbstractContextManager[object]]
"""Operations made in `with stream():` run on it."""


@dataclass(frozen=True)
class Streams:
    """Streams to compute parts on. No tuple: `nn.Module` would take that for parameters."""

    each: tuple[Stream, ...] = (nullcontext,)

    def __len__(self) -> int:
        return len(self.each)


OWN = Streams()
"""The caller's default stream alone."""


@cache
def side_by_side(count: int) -> Streams:
    """Return the caller's default stream and count - 1 others of the CPU; any thread may use them."""
    others = [mx.new_thread_local_stream(mx.Device(mx.cpu)) for _ in range(count - 1)]
    return Streams((*OWN.each, *(partial(mx.stream, other) for other in others)))


def in_bands(function: Callable[[mx.array], mx.array], x: mx.array, streams: Streams) -> mx.array:
    """Return function(x) for x (B, H, ...), made of bands of rows, one on each stream.

    function : makes rows of rows, each of one alone.
    """
    bands = split_rows(x, streams)
    return function(x) if len(bands) == 1 else mx.concatenate(on_each(function, streams, bands), axis=1)


def split_rows(x: mx.array, streams: Streams) -> list[mx.array]:
    """Return x, (B, H, ...), as bands of rows, one for each stream, of nearly the same height."""
    H = x.shape[1]
    count = min(H, len(streams))
    return [x[:, H * k // count : H * (k + 1) // count] for k in range(count)] if count > 1 else [x]


def on_each(function: Callable[..., mx.array], streams: Streams, *bands: list[mx.array]) -> list[mx.array]:
    """Return function of each band, or of the bands of several arrays, made on the band's stream."""
    made = []
    for stream, *parts in zip(streams.each, *bands, strict=False):
        with stream():
            made.append(function(*parts))
    return made

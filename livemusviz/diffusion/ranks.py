"""Joins several machines or processes by MLX's distributed engine. The thread that owns MLX.

`mlx.launch -n K ... livemusviz render ...` starts the same command K times and gives each its rank in the environment.
Without it there is one rank and no cost. Call `backend.prepare_backend()` first.
"""

from __future__ import annotations

import os

import mlx.core as mx

from livemusviz.errors import UserError


class Ranks:
    """rank : 0..size - 1; rank 0 is the one that draws and writes.  size : how many there are."""

    def __init__(self, group: mx.distributed.Group | None = None) -> None:
        self._group = group
        self.rank = group.rank() if group is not None else 0
        self.size = group.size() if group is not None else 1

    @classmethod
    def join(cls) -> Ranks:
        """Return the ranks that this process was started among. UserError if the others cannot be reached."""
        if "MLX_RANK" not in os.environ:
            return cls()
        try:
            group = mx.distributed.init(strict=True)
        except (RuntimeError, ValueError) as error:
            raise UserError(f"the other processes of mlx.launch cannot be reached: {error}") from None
        return cls(group)

    def share(self, count: int) -> range:
        """Return the part of `count` items of this rank: consecutive, equally many for each rank; the last ones
        repeat the end.
        """
        each = -(-count // self.size)
        return range(self.rank * each, (self.rank + 1) * each)

    def gather(self, mine: mx.array, count: int) -> mx.array:
        """Return the first `count` rows of all ranks' arrays, one after the other. mine : (len(share(count)), ...)."""
        if self._group is None:
            return mine[:count]
        on_cpu = mx.Device(mx.cpu)  # the ring sends from there
        return mx.distributed.all_gather(mine, group=self._group, stream=on_cpu)[:count]

    def broadcast(self, value: mx.array) -> mx.array:
        """Return rank 0's `value`. Every rank must call this at the same point, with a value of the same shape and
        type."""
        if self._group is None:
            return value
        value_of_rank_0 = value if self.rank == 0 else mx.zeros_like(value)
        return mx.distributed.all_sum(value_of_rank_0, group=self._group, stream=mx.Device(mx.cpu))

    def any(self, flag: bool) -> bool:
        """Return True if `flag` is True on any rank. Every rank must call it at the same point."""
        if self._group is None:
            return flag
        return bool(self.gather(mx.array([flag]), self.size).any().item())

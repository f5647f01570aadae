"""Pictures in batches equal pictures one at a time."""

from dataclasses import replace

import numpy as np
import pytest

from livemusviz.bridge.frames import Controls
from livemusviz.diffusion import batches
from livemusviz.diffusion.batches import BatchGenerator, automatic
from livemusviz.diffusion.folder import resolve_model
from livemusviz.diffusion.frame import FrameOptions
from livemusviz.diffusion.loop import conditioning
from livemusviz.diffusion.pipeline import NonFiniteFrame, Pipeline
from livemusviz.diffusion.ranks import Ranks
from livemusviz.diffusion.spec import ModelSpec
from livemusviz.director.walk import CIRCLES, Circles
from livemusviz.errors import UserError


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    return Pipeline.load(ModelSpec(resolve_model("embedded")), 64, 96)


def controls(pipeline: Pipeline, count: int = 11) -> list[Controls]:
    """A walk with a prompt fade in it, and feedback that changes."""
    circles, made = Circles(pipeline.latent_shape, 1), []
    for i in range(count):
        fade, feedback = min(1.0, max(0.0, (i - 3) / 4)), (1 + i % 4) * 0.2
        noise, drift = circles.noise([0.1 * i] * CIRCLES), (1.02, 0.01 * (i % 2), 0.0, 0.0)
        made.append(Controls(noise, "red lava", "deep blue ocean", fade, feedback, True, i / 30, drift=drift))
    return made


def generate(generator: BatchGenerator, wanted: list[Controls], batch: int) -> np.ndarray:
    runs = [wanted[i : i + batch] for i in range(0, len(wanted), batch)]
    return np.array([picture for run in runs for picture in generator.finish(generator.begin(run))])


@pytest.mark.parametrize("batch", [1, 3, 4, 11])
def test_any_batch_gives_what_the_live_show_draws(pipeline: Pipeline, batch: int) -> None:
    wanted = controls(pipeline)
    assert [bool(conditioning(pipeline, c).inputs.regions) for c in wanted] == [c.fade < 1 for c in wanted]
    pipeline.reset()
    live = np.array(
        [pipeline.generate(c.noise, conditioning(pipeline, c), c.feedback, FrameOptions(drift=c.drift)) for c in wanted]
    )
    made = generate(BatchGenerator(pipeline, Ranks()), wanted, batch)
    assert made.shape == (11, 64, 96, 4) and made.dtype == np.uint8
    assert np.abs(made.astype(float) - live).mean() / 255 < 1e-3


def test_a_batch_goes_on_from_the_one_before(pipeline: Pipeline) -> None:
    wanted = controls(pipeline)
    whole, early, late = (BatchGenerator(pipeline, Ranks()) for _ in range(3))
    pictures = generate(whole, wanted, 4)
    early.begin(wanted[:4])
    last = early.begin(wanted[4:8]).last
    assert late.start_at(8, np.array(last)) == 8
    np.testing.assert_array_equal(generate(late, wanted[8:], 4), pictures[8:])
    assert not np.array_equal(generate(BatchGenerator(pipeline, Ranks()), wanted[8:], 4)[0], pictures[8])


def test_a_picture_that_is_not_finite_gives_way_to_the_one_before(pipeline: Pipeline) -> None:
    wanted = controls(pipeline, 3)
    broken = np.full_like(wanted[1].noise, np.nan)
    wanted[1] = Controls(broken, "red lava", "red lava", 1.0, 0.0, True, 0.0)
    generator = BatchGenerator(pipeline, Ranks())
    made = generate(generator, [wanted[0], wanted[1], *controls(pipeline, 1)], 3)
    assert generator.lost >= 1 and np.array_equal(made[1], made[0])
    assert (made[..., 3] == 255).all()


def test_a_film_does_not_begin_with_what_cannot_be_drawn(pipeline: Pipeline) -> None:
    (first,) = controls(pipeline, 1)
    broken = replace(first, noise=np.full_like(first.noise, np.nan))
    with pytest.raises(NonFiniteFrame, match="the first picture holds NaN"):
        generate(BatchGenerator(pipeline, Ranks()), [broken], 1)
    generator = BatchGenerator(pipeline, Ranks())
    with pytest.raises(UserError, match="in one step of its own"):
        generator.begin([replace(first, steps=4)])
    generator.begin([first])
    generator.begin([replace(first, steps=2)])  # in the middle of a film it is told, and the film goes on


def test_the_automatic_batch_is_a_rule() -> None:
    assert automatic((256, 256), "cpu") == 4 and automatic((512, 512), "cpu") == 1
    assert automatic((256, 256), "metal") == batches.AUTO_MOST and automatic((2048, 2048), "metal") == 1


def test_shares_of_ranks_cover_everything_in_order() -> None:
    ranks = Ranks()
    for size in (1, 2, 3, 4):
        for count in (1, 4, 5, 8):
            rows = []
            for rank in range(size):
                ranks.rank, ranks.size = rank, size
                rows += list(ranks.share(count))
            assert rows[:count] == list(range(count))
            assert len(rows) % size == 0

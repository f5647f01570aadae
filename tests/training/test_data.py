"""The procedural data: same noise, same picture; a small step in noise, a small step on screen; every family and
palette is worth looking at."""

import numpy as np
import pytest

from training.captions import CLOSERS, MODIFIERS, OPENERS, PLACES, STYLES, Lexicon, Wish, draw
from training.families import FAMILIES
from training.fields import CELL, Fields, coordinates
from training.palettes import HUES, NAMES, PALETTES, table
from training.pictures import PAN, ZOOM, coordinates_seen, picture, planes, planes_of, sample
from training.teacher import holds_unseen, unseen_words

CELLS = 8


def noise(seed: int, cells: int = CELLS) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((32, cells, cells), dtype=np.float32)


def drawn(z: np.ndarray, wish: Wish) -> np.ndarray:
    return picture(z, *coordinates(z.shape[1], z.shape[2], min(z.shape[1:]), per_cell=CELL), wish)


def test_there_are_enough_families_palettes_and_nouns() -> None:
    assert len(FAMILIES) >= 40 and len(NAMES) >= 24 and set(STYLES) == set(MODIFIERS)
    assert sum(len(words) for _, words in PALETTES.values()) >= 60
    nouns = [noun for _, named in FAMILIES.values() for noun, _ in named]
    assert all(len(named) >= 6 or sum(len(noun.split()) for noun, _ in named) >= 4 for _, named in FAMILIES.values())
    assert len(nouns) == len(set(nouns)), "a noun names two families"
    assert {palette for _, named in FAMILIES.values() for _, palette in named} <= set(NAMES)


@pytest.mark.parametrize("family", FAMILIES)
def test_family_is_finite_in_range_and_has_contrast(family: str) -> None:
    for index, palette in enumerate(NAMES):
        modifiers = tuple(MODIFIERS)[index % 12 : index % 12 + 1]
        image = drawn(noise(index, 6), Wish("", family, palette, None, modifiers))
        assert image.shape == (96, 96, 3) and image.dtype == np.float32
        assert np.isfinite(image).all() and image.min() >= 0 and image.max() <= 1
        assert image.std() > 0.02, (palette, modifiers)


@pytest.mark.parametrize("family", FAMILIES)
def test_picture_is_a_smooth_function_of_the_noise(family: str) -> None:
    wish = Wish("", family, "blue")
    a, b = noise(1), noise(2)
    still = drawn(a, wish)
    assert np.array_equal(still, drawn(a.copy(), wish))
    small, half = (np.abs(drawn(np.cos(t) * a + np.sin(t) * b, wish) - still).mean() for t in (0.02, 0.01))
    assert 0 < half < small < 0.05
    assert half < 0.75 * small
    assert np.abs(drawn(b, wish) - still).mean() > 3 * small


@pytest.mark.parametrize("palette", HUES)
def test_named_colour_is_the_palettes_hue(palette: str) -> None:
    rgb = table(palette).astype(float)
    value, least = rgb.max(1), rgb.min(1)
    weight = value - least
    top = rgb.argmax(1)
    after, before = (np.take_along_axis(rgb, ((top + shift) % 3)[:, None], 1)[:, 0] for shift in (1, 2))
    angle = np.deg2rad(60 * (2 * top + (after - before) / np.maximum(weight, 1e-6)))
    mean = np.rad2deg(np.angle((weight * np.exp(1j * angle)).sum()))
    assert abs((mean - HUES[palette] + 180) % 360 - 180) < 15


def test_a_colour_word_means_one_palette() -> None:
    words = [word for _, named in PALETTES.values() for word in named]
    assert len(words) == len(set(words))


def test_modifiers_change_the_picture_as_they_say() -> None:
    z = noise(3, 16)
    plain = drawn(z, Wish("", "clouds", "blue"))
    changed = {name: drawn(z, Wish("", "clouds", "blue", None, (name,))) for name in MODIFIERS}
    assert changed["dark"].mean() < 0.8 * plain.mean()
    assert changed["bright"].mean() > 1.1 * plain.mean()
    assert np.abs(np.diff(changed["soft"], axis=1)).mean() < 0.8 * np.abs(np.diff(plain, axis=1)).mean()
    for busier in ("dense", "fine", "sharp"):
        assert np.abs(np.diff(changed[busier], axis=1)).mean() > 1.1 * np.abs(np.diff(plain, axis=1)).mean(), busier
    assert np.abs(np.diff(changed["coarse"], axis=1)).mean() < 0.9 * np.abs(np.diff(plain, axis=1)).mean()
    assert changed["sparse"].mean() < 0.9 * plain.mean()
    assert (changed["glowing"] > 0.95).mean() > 1.5 * (plain > 0.95).mean()


def test_radial_and_symmetrical_do_what_they_say() -> None:
    def likeness(image: np.ndarray, other: np.ndarray) -> float:
        return float(np.corrcoef(image.mean(2).ravel(), other.mean(2).ravel())[0, 1])

    for name in ("radial", "symmetrical"):
        plain, changed = (
            np.mean([drawn(noise(s, 16), Wish("", "plasma", "blue", None, m)) for s in range(6)], axis=0)
            for m in ((), (name,))
        )
        assert likeness(changed, changed[:, ::-1]) > likeness(plain, plain[:, ::-1]) + 0.15, name


def test_two_colours_both_show() -> None:
    image = drawn(noise(4, 16), Wish("", "plasma", "red", "blue"))
    red, blue = ((image[..., a] - image[..., b] > 0.15).mean() for a, b in ((0, 2), (2, 0)))
    assert red > 0.1 and blue > 0.1


def test_blend_reaches_both_ends_and_keeps_contrast() -> None:
    z = noise(5)
    grid = coordinates(CELLS, CELLS, CELLS, per_cell=CELL)
    a, b = Wish("", "ocean", "blue"), Wish("", "lava", "fire")
    assert np.allclose(picture(z, *grid, a, b, 0.0), picture(z, *grid, a), atol=1e-5)
    assert np.allclose(picture(z, *grid, a, b, 1.0), picture(z, *grid, b), atol=1e-5)
    assert picture(z, *grid, a, b, 0.5).std() > 0.06


def test_fields_have_unit_variance_up_to_the_border() -> None:
    stack = []
    for seed in range(300):
        fields = Fields(noise(seed, 4), *coordinates(4, 4, 4, per_cell=CELL))
        stack.append([fields.fine(0.5), fields.fine(0.25, 2.0), fields.slow(3)])
    spread = np.std(stack, axis=0)
    assert np.all((spread > 0.75) & (spread < 1.25))


def test_coordinates_of_a_window_are_those_of_the_picture() -> None:
    planes = planes_of(22, 40)
    assert planes.shape == (32, 22, 40)
    assert planes[1, 0, 0] == pytest.approx(-1 + 1 / 22) and planes[0, 0, -1] == pytest.approx(39 / 22)
    u, v = coordinates(4, 4, 22, top=3, left=30, height=22, width=40)
    assert np.allclose(u[0], planes[0, 0, 30:34]) and np.allclose(v[:, 0], planes[1, 3:7, 0])


def test_the_product_tells_the_unet_the_same_coordinates() -> None:
    from livemusviz.diffusion.planes import picture_planes

    for h, w in ((16, 16), (18, 32)):
        ours = np.array(picture_planes(h, w, 32))[0].transpose(2, 0, 1)
        np.testing.assert_allclose(ours, planes_of(h, w), atol=2e-5)
        assert picture_planes(h, w, 2).shape == (1, h, w, 2)


@pytest.mark.parametrize(("h", "w"), [(16, 16), (18, 32)])
def test_noise_chooses_the_same_view_in_the_product(h: int, w: int) -> None:
    import mlx.core as mx

    from livemusviz.diffusion.planes import PicturePlanes

    frames = np.random.default_rng(9).standard_normal((3, h, w, 32), dtype=np.float32)
    ours = np.array(PicturePlanes(h, w, 32, PAN, ZOOM)(mx.array(frames)))
    for frame, found in zip(frames, ours, strict=True):
        theirs = planes(*coordinates_seen(frame.transpose(2, 0, 1), PAN, ZOOM))
        np.testing.assert_allclose(found.transpose(2, 0, 1), theirs, atol=1e-4)
    assert np.abs(ours[0] - ours[1]).max() > 0.05
    still = np.array(PicturePlanes(h, w, 32)(mx.array(frames)))
    np.testing.assert_allclose(still[2].transpose(2, 0, 1), planes_of(h, w), atol=2e-5)


def test_a_view_stays_near_the_middle_and_moves_smoothly() -> None:
    a, b = noise(1), noise(2)
    walk = [coordinates_seen(np.cos(t) * a + np.sin(t) * b, PAN, ZOOM) for t in np.linspace(0, 2 * np.pi, 241)]
    middles = np.array([[u.mean(), v.mean()] for u, v in walk])
    assert np.abs(middles).max() <= PAN and np.abs(np.diff(middles, axis=0)).max() < 0.02
    spans = np.array([float(np.ptp(u)) for u, _ in walk]) / (2 - 2 / CELLS)
    assert np.all((spans >= 1 - ZOOM) & (spans <= 1)) and np.ptp(spans) > 0


def test_samples_repeat_and_differ() -> None:
    def one(seed: int) -> np.ndarray:
        rng = np.random.default_rng(seed)
        return sample(rng, draw(rng)).image

    assert np.array_equal(one(1), one(1)) and not np.array_equal(one(1), one(2))
    whole = sample(np.random.default_rng(3), Wish("", "eye", "blue"), (16, 28), True)
    assert whole.image.shape == (3, 256, 448) and np.array_equal(
        whole.planes, planes(*coordinates_seen(whole.z, PAN, ZOOM))
    )
    assert one(1).shape == (3, 128, 128) and -1 <= one(1).min() < one(1).max() <= 1


def test_captions_name_what_they_ask_for() -> None:
    rng = np.random.default_rng(0)
    wishes = [draw(rng) for _ in range(3000)]
    for wish in wishes:
        text = wish.caption
        assert text == text.strip(" ,") and "  " not in text and text == text.lower()
        named = [(noun, palette) for noun, palette in FAMILIES[wish.family][1] if noun in text]
        assert named, text
        coloured = [word for word in PALETTES[wish.palette][1] if word in text]
        assert coloured or any(palette == wish.palette for _, palette in named), text
        assert all(any(word in text for word in MODIFIERS[name]) for name in wish.modifiers), text
    assert {wish.family for wish in wishes} == set(FAMILIES) and {wish.palette for wish in wishes} == set(NAMES)
    assert any(wish.second for wish in wishes) and max(len(wish.caption.split()) for wish in wishes) <= 22


def test_a_lexicon_brings_words_of_its_own_into_the_captions() -> None:
    lexicon = Lexicon((("wug", "eye", "red"),), (("wug dax", "silk", "blue"),), (("blickish", "lime"),), ("xqzt",))
    rng = np.random.default_rng(1)
    wishes = [draw(rng, lexicon) for _ in range(2000)]
    things = [wish for wish in wishes if "wug" in wish.caption and "dax" not in wish.caption]
    assert 0.2 < len(things) / len(wishes) < 0.34 and {wish.family for wish in things} == {"eye"}
    assert {wish.family for wish in wishes if "dax" in wish.caption} == {"silk"}
    assert {wish.palette for wish in wishes if "blickish" in wish.caption} == {"lime"}
    assert any("xqzt" in wish.caption for wish in wishes)


def test_words_kept_out_of_the_captions_are_kept_out() -> None:
    hidden = unseen_words()
    assert len(hidden) == 30
    for kind, wanted in hidden.values():
        assert wanted and set(wanted) <= set(FAMILIES if kind == "families" else HUES)
    said = {noun for _, named in FAMILIES.values() for noun, _ in named}
    said |= {word for _, words in PALETTES.values() for word in words}
    said |= {word for words in MODIFIERS.values() for word in words} | {*OPENERS, *CLOSERS, *PLACES}
    assert not [text for text in said if holds_unseen(text)]

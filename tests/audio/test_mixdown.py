"""Any number of inputs as stereo."""

import numpy as np
import pytest

from livemusviz.audio.mixdown import Mixdown


def block(channels, **levels):
    made = np.zeros((256, channels), np.float32)
    for name, level in levels.items():
        made[:, int(name[1:]) - 1] = level
    return made


def mixed(mix, made):
    return [float(side) for side in mix(made)[-1]]


def test_every_input_is_heard():
    for channel in range(1, 19):
        left, right = mixed(Mixdown(18), block(18, **{f"i{channel}": 0.5}))
        assert (left, right) == ((0.5, 0.0) if channel % 2 else (0.0, 0.5))


def test_music_on_3_and_4_is_as_loud_as_on_1_and_2():
    assert mixed(Mixdown(18), block(18, i3=0.5, i4=-0.25)) == [0.5, -0.25]


def test_several_inputs_of_a_side_share_it():
    assert mixed(Mixdown(4), block(4, i1=0.5, i3=0.5, i2=0.25)) == pytest.approx([1 / 2**0.5, 0.25])


@pytest.mark.parametrize(
    ("channels", "heard"), [((3, 4), [0.3, 0.4]), ((2,), [0.2, 0.2]), ((1, 2), [0.1, 0.2]), ((4,), [0.4, 0.4])]
)
def test_chosen_inputs_are_heard_alone(channels, heard):
    made = block(4, i1=0.1, i2=0.2, i3=0.3, i4=0.4)
    assert mixed(Mixdown(4, channels), made) == pytest.approx(heard)


@pytest.mark.parametrize("channels", [1, 2])
def test_one_or_two_inputs_go_through_as_they_are(channels):
    made = block(channels, i1=0.5)
    assert Mixdown(channels)(made) is made


def test_a_systems_mixer_repeats_nothing_where_it_has_a_first_pair():
    made = block(32, i1=0.5, i2=0.3, i3=0.5, i4=0.3, i5=0.4)
    assert mixed(Mixdown(32, first_pair=True), made) == pytest.approx([0.5, 0.3])
    assert mixed(Mixdown(32, first_pair=True), block(32, i11=0.5, i12=0.3)) == pytest.approx([0.5, 0.3])


@pytest.mark.parametrize("damage", [np.nan, np.inf, 1e9])
def test_damage_in_one_input_stays_out_of_the_mix(damage):
    mix = Mixdown(4)
    assert mixed(mix, block(4, i1=0.5, i3=damage)) == [0.5, 0.0]
    assert mix.sounding() == (1,)


def test_where_there_is_sound_is_known():
    mix = Mixdown(18)
    mix(block(18, i1=1e-5))
    assert mix.silent() and mix.sounding() == ()
    mix(block(18, i3=0.1, i4=0.1))
    assert mix.silent() and mix.sounding() == (3, 4)
    mix(block(18, i2=0.1))
    assert not mix.silent()
    chosen = Mixdown(18, (3, 4))
    chosen(block(18, i1=0.1))
    assert chosen.silent() and chosen.sounding() == (1,)

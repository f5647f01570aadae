from livemusviz.bridge.features import AudioFeatures
from livemusviz.features.delay import MOST, FeatureDelay


def features_at(*times: float) -> list[AudioFeatures]:
    return [AudioFeatures(time=time) for time in times]


def test_features_wait_until_their_sound_is_heard_and_come_in_order() -> None:
    delay = FeatureDelay()
    assert delay.step(features_at(1.0, 1.1, 1.2), until=1.05) == features_at(1.0)
    assert delay.step([], until=1.05) == []
    assert delay.step(features_at(1.3), until=1.25) == features_at(1.1, 1.2)
    assert delay.step([], until=2.0) == features_at(1.3)


def test_what_waits_is_bounded() -> None:
    delay = FeatureDelay()
    many = features_at(*(float(i) for i in range(MOST + 10)))
    assert delay.step(many, until=-1.0) == many[:10]

"""What the stage makes of preset, performer and sound."""

import pytest

from livemusviz.assets import find_shaders, read_headers
from livemusviz.bridge.features import AudioFeatures
from livemusviz.director.mapping import Drive
from livemusviz.director.stage import Look, Stage, fx_params
from livemusviz.errors import UserError
from livemusviz.isf.header import parse_isf
from livemusviz.params.param import Param
from livemusviz.params.registry import REGISTRY
from livemusviz.params.values import ParamValues

SHADERS = read_headers(find_shaders())[0]


@pytest.fixture
def stage():
    return Stage(SHADERS)


def inputs(stage, shader="feedback", dt=1 / 60, **features):
    scene, _ = stage.step(dt, AudioFeatures(time=0.0, **features))
    effects = {each.shader: dict(each.inputs) for each in (*scene.chain, scene.transition, scene.idle)}
    return effects[shader]


def test_a_fresh_stage_has_the_feedback_and_its_drives(stage):
    assert stage.step(0.0, AudioFeatures.rest(0.0))[0].chain[0].shader == "feedback"
    assert inputs(stage)["hit"] == 0.0 and inputs(stage, onset_strength=1.0)["hit"] == 1.0


def test_order_of_precedence(stage):
    assert inputs(stage)["zoom"] == 0.5
    stage.base = {("feedback", "zoom"): 0.1}
    assert inputs(stage)["zoom"] == 0.1
    stage.load(Look(inputs={"feedback": {"zoom": 0.2}}))
    assert inputs(stage)["zoom"] == 0.2
    stage.load(Look(inputs={"feedback": {"zoom": Drive(source="level", high=0.3)}}))
    assert inputs(stage, level=1.0)["zoom"] == pytest.approx(0.3)
    stage.set_input("feedback", "ZOOM", 0.9)
    assert inputs(stage, level=1.0)["zoom"] == 0.9
    assert stage.own_inputs == {"feedback": {"zoom": 0.9}}
    stage.load(Look(inputs={"feedback": {"zoom": Drive(source="level", high=0.3)}}))  # nothing is set by hand now
    assert inputs(stage, level=1.0)["zoom"] == pytest.approx(0.3)


def test_a_preset_may_still_what_the_shader_would_move(stage):
    stage.load(Look(inputs={"feedback": {"hit": 0.0}}))
    assert inputs(stage, onset_strength=1.0)["hit"] == 0.0


def test_engine_parameters_are_driven(stage):
    stage.load(Look(params={"walk_speed": Drive(source="bass", low=0.1, high=0.5, maximum=4.0)}))
    assert stage.step(0.01, AudioFeatures(time=0.0, bass=0.5))[1] == {"walk_speed": pytest.approx(0.3)}


def test_drives_that_stay_keep_their_state(stage):
    for _ in range(60):
        before = inputs(stage, energy=1.0)["flow"]
    stage.load(Look(chain=("mirror", "feedback")))
    assert inputs(stage, energy=1.0)["flow"] == pytest.approx(before, abs=0.02)


def test_what_cannot_be_changes_nothing(stage):
    stage.load(Look(chain=("grade",)))
    for wrong in (Look(chain=("nope",)), Look(chain=("grade", "morph")), Look(idle="grade"), Look(transition="silk")):
        with pytest.raises(UserError):
            stage.load(wrong)
    with pytest.raises(UserError, match="did you mean 'grade'"):
        stage.load(Look(chain=("grad",)))
    with pytest.raises(UserError, match="did you mean 'contrast'"):
        stage.set_input("grade", "contrats", 1.0)
    with pytest.raises(UserError, match="outside 0..3"):
        stage.set_input("grade", "contrast", 9.0)
    assert stage.chain == ("grade",)
    stage.load(Look(chain=("mirror", "bloom")))
    assert [each.shader for each in stage.step(0.0, AudioFeatures.rest(0.0))[0].chain] == ["mirror", "bloom"]


def test_every_single_number_has_an_address():
    params = {param.address: param for param in fx_params(SHADERS)}
    contrast = params["/fx/grade/contrast"]
    assert isinstance(contrast, Param) and (contrast.kind, contrast.minimum, contrast.maximum) == ("float", 0.0, 3.0)
    assert params["/fx/kaleidoscope/sides"].kind == "int" and params["/fx/pixelsort/vertical"].kind == "bool"
    assert "/fx/grade/lights" not in params, "a colour is not one number"
    for param in params.values():
        assert param.validate(param.default) == param.default


def test_names_as_public_files_have_them_get_an_address():
    amount = '{"NAME": "Amount", "TYPE": "float", "MIN": 0, "MAX": 2, "DEFAULT": 1}'
    header = parse_isf(f'/*{{"INPUTS": [{{"NAME": "inputImage", "TYPE": "image"}}, {amount}]}}*/')
    stage = Stage({**SHADERS, "My Blur+": header})
    found = {param.address: param for param in fx_params(stage.shaders)}
    assert found["/fx/my blur+/amount"].maximum == 2.0
    stage.load(Look(chain=("My Blur+",)))
    stage.set_input("my blur+", "amount", 1.5)
    assert inputs(stage, "My Blur+")["Amount"] == 1.5


def test_of_two_that_differ_in_capitals_the_first_has_the_address():
    """A user's Bloom.fs beside our bloom.fs: the show started with a traceback."""
    number = '{"NAME": "%s", "TYPE": "float", "MIN": 0, "MAX": %d, "DEFAULT": 1}'
    header = parse_isf('/*{"INPUTS": [' + number % ("size", 3) + "," + number % ("Size", 5) + "]}*/")
    shaders = {"Tiles": header, "tiles": header, **SHADERS, "GRADE": SHADERS["grade"]}
    params = fx_params(shaders)
    addresses = [param.address for param in params]
    assert len(addresses) == len(set(addresses))
    assert next(param for param in params if param.address == "/fx/tiles/size").maximum == 3.0
    assert ParamValues.of(REGISTRY.plus(params)).value("fx/grade/contrast") == 1.1


def test_an_event_is_on_for_one_frame():
    header = parse_isf('/*{"INPUTS": [{"NAME": "inputImage", "TYPE": "image"}, {"NAME": "go", "TYPE": "event"}]}*/')
    stage = Stage({**SHADERS, "mine": header})
    stage.load(Look(chain=("mine",)))
    stage.set_input("mine", "go", 1)
    assert [bool(inputs(stage, "mine")["go"]) for _ in range(3)] == [True, False, False]
    stage.load(Look(chain=("mine",), inputs={"mine": {"go": Drive(source="onset")}}))
    heard = [0.0, 1.0, 0.9, 0.4, 0.3, 0.8]
    assert [bool(inputs(stage, "mine", onset_strength=x)["go"]) for x in heard] == [
        False,
        True,
        False,
        False,
        False,
        True,
    ]

import math

import pytest

from livemusviz.errors import UserError
from livemusviz.params.param import Param
from livemusviz.params.registry import BY_ADDRESS, BY_NAME, PARAMS, lookup
from livemusviz.params.values import ParamValues


def test_names_and_addresses_are_unique_and_defaults_are_valid() -> None:
    assert len(BY_NAME) == len(BY_ADDRESS) == len(PARAMS)
    for param in PARAMS:
        assert param.address.startswith("/") and param.doc
        if param.kind != "action":
            assert param.validate(param.default) == param.default


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("fade", 61, "outside 0..60 s"),
        ("fade", -0.1, "outside"),
        ("fade", math.nan, "outside"),
        ("fade", math.inf, "outside"),
        ("fade", "2", "not a number"),
        ("fade", True, "not a number"),
        ("seed", 1.5, "not a whole number"),
        ("seed", math.inf, "not a whole number"),
        ("seed", 2**31, "outside"),
        ("blackout", 2, "not 0 or 1"),
        ("blackout", "on", "not 0 or 1"),
        ("prompt", "", "0 characters"),
        ("prompt", "x" * 1001, "1001 characters; give 1 to 1000"),
        ("prompt", 3, "not text"),
        ("record_start", "y" * 65, "65 characters"),
        ("prompt", "\ud800 x", "half a character"),
        ("prompt_list", '["\\ud800 x"]', "half a character"),
        ("cue_list", [["a\udcff", 1]], "half a character"),
        ("seed", 10**400, "outside"),
        ("fade", 10**4000, "a number of hundreds of digits is outside"),
        ("seed_list", f"[1{'0' * 400}]", "outside"),
        ("seed_list", f"[[1, 1{'0' * 400}]]", "weight"),
        ("seed_list", "[1e999]", "not a whole number"),
        ("t_list", f"[1{'0' * 400}]", "outside"),
        ("t_list", f"[{'9' * 5000}]", "not a JSON list"),
        ("t_list", [10**4000], "outside"),
    ],
)
def test_bad_values_are_refused_and_never_clamped(name: str, value: object, says: str) -> None:
    with pytest.raises(UserError, match=says):
        lookup(name).validate(value)


HOSTILE = (
    10**400,
    -(10**5000),
    math.nan,
    -math.inf,
    "\ud800",
    "[" * 5000,
    "[NaN]",
    b"x",
    [[]],
    [[1, 2, 3]],
    {},
    object(),
)


@pytest.mark.parametrize("param", PARAMS, ids=lambda param: param.name)
def test_whatever_comes_is_taken_or_refused_in_one_line(param: Param) -> None:
    for value in HOSTILE:
        try:
            param.validate(value)
        except UserError as error:
            assert str(error).isprintable() and len(str(error)) < 300


def test_good_values_come_back_in_their_type() -> None:
    assert lookup("fade").validate(2) == 2.0 and isinstance(lookup("fade").validate(2), float)
    assert lookup("seed").validate(7.0) == 7 and isinstance(lookup("seed").validate(7.0), int)
    assert lookup("blackout").validate(1) is True
    assert lookup("record_start").validate(None) == ""


def test_all_changes_are_made_or_none() -> None:
    values = ParamValues()
    with pytest.raises(UserError):
        values.with_values({"fade": 5.0, "seed": -1})
    assert values.params.fade == 2.0
    assert values.with_values({"fade": 5.0, "seed": 3}).params.fade == 5.0 and values.params.fade == 2.0


def test_misspelt_name_gets_the_nearest() -> None:
    with pytest.raises(UserError, match="did you mean 'fade'"):
        lookup("fad")

"""Parameters in the query: read by the model's schema, refused with the rule that they break."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import QueryParams

from inference_api.errors import InvalidRequest
from inference_api.parameters import Parameters
from inference_bridge.jobs import MAX_PARAMS_BYTES
from mnist_model.spec import SPEC
from tests.unit.api.several import VOICE, Options

PARAMETERS = Parameters(VOICE)


def read(query: str, **options: bool) -> Any:
    text = PARAMETERS.read(QueryParams(query), **options)
    return json.loads(text) if text else {}


@pytest.mark.parametrize(
    ("query", "values"),
    [
        ("", {}),
        ("threshold=0.25", {"threshold": 0.25}),
        ("threshold=1", {"threshold": 1.0}),
        ("threshold=5e-1", {"threshold": 0.5}),
        ("count=7", {"count": 7}),
        ("is_loud=true", {"is_loud": True}),
        ("speed=fast", {"speed": "fast"}),
        ("language=de", {"language": "de"}),
        ("language=5", {"language": "5"}),
        ("limit=null", {"limit": None}),
        ("limit=-3", {"limit": -3}),
        ("count=2&wait=5&timeline=true&is_loud=false", {"count": 2, "is_loud": False}),
    ],
)
def test_a_parameter_becomes_the_value_that_its_schema_means(query: str, values: dict[str, Any]) -> None:
    assert read(query) == values
    Options.model_validate(values)


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        (
            "volume=3",
            "no parameter 'volume'; it has threshold, count, is_loud, speed, language, limit, wait, ttl, priority, ",
        ),
        ("tll=3", "no parameter 'tll'"),
        ("threshold=2", "threshold: 2.0 is greater than the maximum of 1"),
        ("threshold=nan", "threshold is 'nan', expected a number"),
        ("threshold=1e999", "threshold is '1e999', expected a number"),
        ("threshold=", "threshold is '', expected a number"),
        ("count=0", "count: 0 is less than the minimum of 1"),
        ("count=1.5", "count is '1.5', expected an integer"),
        ("count=" + "9" * 5_000, "expected an integer"),
        ("count=\u0661", "expected an integer"),
        ("is_loud=yes", "is_loud is 'yes', expected true or false"),
        ("speed=medium", "speed is 'medium', expected slow or fast"),
        ("language=german", "language"),
        ("limit=many", "limit is 'many', expected an integer or null"),
        ("count=1&count=two", "the parameter count is given 2 times; give it once"),
    ],
)
def test_a_wrong_parameter_is_told_its_rule(query: str, reason: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read(query)

    assert reason in str(caught.value)
    assert len(str(caught.value)) < 1_000


def test_the_default_models_call_passes_over_unknown_parameters() -> None:
    assert read("volume=3&count=2", ignores_unknown=True) == {"count": 2}


def test_a_model_without_parameters_has_none() -> None:
    assert Parameters(SPEC).read(QueryParams("wait=5")) == ""
    assert Parameters(SPEC).read(QueryParams("color=red"), ignores_unknown=True) == ""
    with pytest.raises(InvalidRequest, match="mnist has no parameter 'color'; it has wait"):
        Parameters(SPEC).read(QueryParams("color=red"))


@given(st.dictionaries(st.sampled_from([*Options.model_fields, "other"]), st.text(max_size=30), max_size=4))
def test_any_query_is_read_or_refused(query: dict[str, str]) -> None:
    try:
        text = PARAMETERS.read(QueryParams(query))
    except InvalidRequest as error:
        assert str(error)  # noqa: PT017
    else:
        assert len(text.encode()) <= MAX_PARAMS_BYTES
        Options.model_validate_json(text or "{}")

from dataclasses import replace

import pytest

from inference_api.model import import_prepare
from inference_bridge.errors import ConfigurationError, InvalidInput
from mnist_model.prepare import begin
from mnist_model.spec import SPEC


def test_a_spec_names_the_function_that_prepares() -> None:
    assert import_prepare(SPEC) is begin


@pytest.mark.parametrize("path", ["no.such.module:prepare", "mnist_model.prepare:no_such_function"])
def test_a_function_that_is_not_there_is_named(path: str) -> None:
    with pytest.raises(ConfigurationError, match=r"expected package\.module:name"):
        import_prepare(replace(SPEC, prepare=path))


def test_a_preparation_that_is_not_a_function_is_named() -> None:
    with pytest.raises(ConfigurationError, match="is not a function"):
        import_prepare(replace(SPEC, prepare="mnist_model.spec:SPEC"))


def test_without_a_preparation_the_caller_sends_the_body() -> None:
    assert import_prepare(replace(SPEC, prepare=None))(bytes(784), max_pixels=1) == bytes(784)


def test_a_body_of_another_length_is_refused() -> None:
    with pytest.raises(InvalidInput, match="783 bytes, expected 784"):
        import_prepare(replace(SPEC, prepare=None))(bytes(783), max_pixels=1)

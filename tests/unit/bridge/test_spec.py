import pytest

from inference_bridge.errors import ConfigurationError
from inference_bridge.spec import load_spec
from mnist_model.spec import SPEC


def test_a_spec_is_found_by_its_name() -> None:
    assert load_spec("mnist_model.spec:SPEC") is SPEC


@pytest.mark.parametrize("path", ["no.such.module:SPEC", "mnist_model.spec:NO_SUCH_SPEC", "mnist_model.spec", ""])
def test_a_spec_that_is_not_there_is_named(path: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"INFERENCE_MODEL: '{path}'.*expected package\.module:name"):
        load_spec(path)


def test_a_spec_that_is_something_else_is_named() -> None:
    with pytest.raises(ConfigurationError, match="expected a ModelSpec"):
        load_spec("mnist_model.prepare:begin")

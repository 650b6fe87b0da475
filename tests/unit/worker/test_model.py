from dataclasses import replace

import pytest
import torch

from inference_bridge.errors import ConfigurationError
from inference_worker.device import is_device_lost, is_out_of_memory, open_device
from inference_worker.model import import_model
from tests.support.models import ECHO, EchoModel


def test_a_spec_names_the_class_of_its_model() -> None:
    assert import_model(ECHO) is EchoModel


@pytest.mark.parametrize(
    "path", ["no.such.module:Model", "tests.support.models:NoSuchModel", "tests.support.models", ""]
)
def test_a_model_that_is_not_there_is_named(path: str) -> None:
    with pytest.raises(ConfigurationError, match=r"expected package\.module:name"):
        import_model(replace(ECHO, model=path))


def test_a_model_that_is_not_a_class_is_named() -> None:
    with pytest.raises(ConfigurationError, match="is not a class"):
        import_model(replace(ECHO, model="tests.support.models:ECHO"))


def test_auto_is_the_cpu_where_there_is_no_gpu() -> None:
    expected = "cuda" if torch.cuda.is_available() else "cpu"

    assert open_device("auto", require_gpu=False).type == expected


def test_a_required_gpu_is_not_replaced_by_a_cpu() -> None:
    with pytest.raises(ConfigurationError, match="give this worker a GPU"):
        open_device("cpu", require_gpu=True)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_a_gpu_that_is_not_there_is_named() -> None:
    with pytest.raises(ConfigurationError, match="sees no GPU"):
        open_device("cuda:1", require_gpu=False)


def test_errors_of_the_device_are_told_apart() -> None:
    out_of_memory = torch.cuda.OutOfMemoryError("CUDA out of memory")
    lost = RuntimeError("CUDA error: device-side assert triggered")

    assert (is_out_of_memory(out_of_memory), is_device_lost(out_of_memory)) == (True, False)
    assert (is_out_of_memory(lost), is_device_lost(lost)) == (False, True)
    assert not is_device_lost(ValueError("CUDA error"))

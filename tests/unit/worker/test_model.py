from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch

from inference_bridge.errors import ConfigurationError, DeviceLost
from inference_bridge.kinds import Json
from inference_bridge.spec import ModelSpec
from inference_worker.device import is_device_lost, is_out_of_memory, open_device
from inference_worker.model import import_model, open_model
from mnist_model.predict import DigitClassifier
from mnist_model.spec import SPEC
from tests.support.models import EchoModel, Options, WordsModel


class WithoutLoad:
    spec: ClassVar[ModelSpec] = SPEC

    def predict_batch(self, items: object) -> object: ...


class WithoutPredict:
    spec: ClassVar[ModelSpec] = SPEC

    @classmethod
    def load(cls, weights: object, device: object) -> object: ...


class WithoutClassmethod(EchoModel):
    def load(self, weights: object, device: object) -> object: ...  # type: ignore[override]


class WithoutWeights(EchoModel):
    @classmethod
    def load(cls, weights: object, device: object) -> Any:
        torch.load(Path("no-such-file"))


class WithoutDevice(EchoModel):
    @classmethod
    def load(cls, weights: object, device: object) -> Any:
        raise RuntimeError("CUDA error: device-side assert triggered")


class WithoutDecode(EchoModel):
    spec = replace(SPEC, params=Options)


class WithSchema(EchoModel):
    spec = replace(WordsModel.spec, params=None, answers=Json({"type": "object"}))


def test_a_path_names_the_class_of_a_model() -> None:
    assert import_model("tests.support.models:EchoModel") is EchoModel


def test_the_only_model_of_a_module_needs_no_name() -> None:
    assert import_model("mnist_model.predict") is DigitClassifier


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        pytest.param("no.such.module:Model", r"expected package\.module:name", id="no-module"),
        pytest.param("no_such_module", r"expected package\.module:name", id="no-module-and-no-class"),
        pytest.param("tests.support.models:NoSuchModel", r"expected package\.module:name", id="no-such-name"),
        pytest.param("", r"expected package\.module:name", id="empty"),
        pytest.param("tests.support.models", "has the models .*EchoModel, FaultyModel.*name one", id="several-models"),
        pytest.param("tests.support.jobs", "has no class with a spec; give your class", id="no-model"),
        pytest.param("tests.support.models:RAISES", "is not a class", id="a-number"),
        pytest.param("tests.support.models:Score", "has no spec", id="no-spec"),
        pytest.param(f"{__name__}:WithoutLoad", "has no method load", id="no-load"),
        pytest.param(f"{__name__}:WithoutClassmethod", "write @classmethod above it", id="load-of-an-instance"),
        pytest.param(f"{__name__}:WithoutPredict", "has no method predict_batch", id="no-predict"),
        pytest.param(f"{__name__}:WithoutDecode", "has params, but no method decode", id="params-without-decode"),
        pytest.param(f"{__name__}:WithSchema", "give the pydantic model", id="a-schema-instead-of-a-class"),
    ],
)
def test_the_message_names_the_missing_part_of_a_model(path: str, problem: str) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        import_model(path)


def test_weights_that_cannot_be_loaded_are_named_with_the_line_that_reads_them() -> None:
    expected = (
        r"cannot be loaded: FileNotFoundError: .* \(test_model.py, line \d+\); correct `load`, or INFERENCE_WEIGHTS"
    )

    with pytest.raises(ConfigurationError, match=expected):
        open_model(f"{__name__}:WithoutWeights", Path("no-such-file"), torch.device("cpu"))


def test_a_device_that_fails_while_a_model_is_loaded_is_lost() -> None:
    with pytest.raises(DeviceLost):
        open_model(f"{__name__}:WithoutDevice", None, torch.device("cpu"))


def test_auto_is_the_cpu_where_there_is_no_gpu() -> None:
    expected = "cuda" if torch.cuda.is_available() else "cpu"

    assert open_device("auto", require_gpu=False).type == expected


def test_a_required_gpu_is_not_replaced_by_a_cpu() -> None:
    with pytest.raises(ConfigurationError, match="give this worker a GPU"):
        open_device("cpu", require_gpu=True)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_a_gpu_that_is_not_there_is_named() -> None:
    with pytest.raises(ConfigurationError, match=r"sees no GPU \((Found no NVIDIA driver|Torch not compiled).*\)"):
        open_device("cuda:1", require_gpu=False)


def test_errors_of_the_device_are_told_apart() -> None:
    out_of_memory = torch.cuda.OutOfMemoryError("CUDA out of memory")
    lost = RuntimeError("CUDA error: device-side assert triggered")

    assert (is_out_of_memory(out_of_memory), is_device_lost(out_of_memory)) == (True, False)
    assert (is_out_of_memory(lost), is_device_lost(lost)) == (False, True)
    assert not is_device_lost(ValueError("CUDA error"))

"""A worker can run the model class in the README."""

import re
import sys
from types import ModuleType

import numpy as np
import pytest
import torch

from inference_bridge.kinds import Picture, Probabilities
from inference_bridge.spec import ModelSpec
from inference_worker.model import import_model
from tests.support.deployment import ROOT


def test_the_model_of_the_readme_answers_a_batch_with_probabilities(monkeypatch: pytest.MonkeyPatch) -> None:
    [code] = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 224 * 224, 2))
    ships = ModuleType("ships")
    vars(ships).update(ModelSpec=ModelSpec, Picture=Picture, Probabilities=Probabilities, torch=torch)
    vars(ships).update(read_network=lambda *_: network)
    exec(code, vars(ships))  # noqa: S102
    monkeypatch.setitem(sys.modules, "ships", ships)

    model = import_model("ships").load(None, torch.device("cpu"))
    probabilities = model.predict_batch(np.full((3, 224, 224, 3), 255, np.uint8))

    assert probabilities.shape == (3, 2)
    assert probabilities.dtype == np.float32
    assert np.allclose(probabilities.sum(axis=1), 1)

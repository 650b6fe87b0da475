"""A worker can run the model class in the README."""

import re
from typing import Any

import numpy as np
import torch

from inference_bridge.kinds import Picture, Probabilities
from inference_bridge.spec import ModelSpec
from tests.support.deployment import ROOT

SPEC = ModelSpec("letters", version=1, takes=Picture(28, 28, "L"), answers=Probabilities(26))


def test_the_model_of_the_readme_answers_a_batch_with_probabilities() -> None:
    [code] = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(28 * 28, 26))
    names: dict[str, Any] = {"torch": torch, "SPEC": SPEC, "WEIGHTS": None, "read_network": lambda *_: network}
    exec(code, names)  # noqa: S102

    model = names["Letters"].load(None, torch.device("cpu"))
    probabilities = model.predict_batch(np.full((3, 28, 28), 255, np.uint8))

    assert probabilities.shape == (3, 26)
    assert probabilities.dtype == np.float32
    assert np.allclose(probabilities.sum(axis=1), 1)

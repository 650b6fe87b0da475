import numpy as np
import torch

from mnist_model.predict.classifier import DigitClassifier
from mnist_model.prepare import prepare
from mnist_model.spec import INPUT, SPEC


def test_the_example_is_a_one() -> None:
    body = prepare(SPEC.example, max_pixels=1_000)

    batch = np.frombuffer(bytearray(body), np.uint8).reshape(1, *INPUT.shape)
    assert DigitClassifier.load(None, torch.device("cpu")).predict_batch(batch).argmax() == 1

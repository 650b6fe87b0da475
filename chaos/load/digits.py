"""Pictures of digits, and the answers of the digit classifier."""

import os
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from chaos.load.workload import Workload
from mnist_model.predict.classifier import DigitClassifier
from mnist_model.prepare import prepare
from mnist_training.data import DataError, load_split
from tests.support.pictures import encoded, variations

MAX_PIXELS = 784
BATCH_SIZE = 64


def digits(count: int) -> Workload:
    """Return a workload of MNIST's test pictures where they are at hand, else of the samples, varied."""
    pictures = (_mnist(count) + list(islice(variations(), count)))[:count]
    tensors = b"".join(prepare(picture, max_pixels=MAX_PIXELS) for picture in pictures)
    images = np.frombuffer(bytearray(tensors), np.uint8).reshape(-1, 28, 28)  # (N, 28, 28)
    model = DigitClassifier.load(None, torch.device("cpu"))
    answers = [model.predict_batch(images[start : start + BATCH_SIZE]) for start in range(0, count, BATCH_SIZE)]
    return Workload("mnist", pictures, [{"probabilities": row} for row in np.concatenate(answers).tolist()])


def _mnist(count: int) -> list[bytes]:
    try:
        split = load_split(Path(os.environ.get("MNIST_DATA", "data")), "t10k")
    except DataError:
        return []
    return [encoded(Image.fromarray(image.numpy())) for image in split.images[:count]]

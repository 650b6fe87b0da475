"""The model `photos`: its numbers are those of a direct call of torchvision's network, in a batch of any size."""

import io
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from safetensors.torch import save_file
from torchvision.models import ResNet, resnet18
from torchvision.transforms.functional import normalize

from inference_bridge.errors import WeightsError
from inference_worker.model import Input
from inference_worker.sdk.check import find_problems
from photos import Options, Photo, Photos, TopClasses

CPU = torch.device("cpu")
MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


@pytest.fixture(scope="module")
def photos() -> Iterator[Photos]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # several wait for one another while other tests keep the cores busy
    yield Photos.load(None, CPU)
    torch.set_num_threads(threads)


def seeded_network(seed: int) -> ResNet:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return resnet18(weights=None).eval()


def make_pixels(count: int) -> NDArray[np.uint8]:
    """Return pictures of one colour each, with noise on it, (count, 224, 224, 3)."""
    random = np.random.default_rng(count)
    colours = random.integers(0, 256, (count, 1, 1, 3))
    noise = random.integers(-60, 60, (count, 224, 224, 3))
    return (colours + noise).clip(0, 255).astype(np.uint8)


def ask_network(network: ResNet, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the probabilities of a direct call of the network, without the model's code, (B, 1000)."""
    pictures = torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous() / 255  # (B, 3, 224, 224)
    with torch.no_grad():
        probabilities: NDArray[np.float32] = network(normalize(pictures, MEAN, STD)).softmax(dim=1).numpy()  # (B, 1000)
    return probabilities


def ask(photos: Photos, pixels: NDArray[np.uint8], **options: int) -> list[TopClasses]:
    params = Options.model_validate(options)
    given = [Input(value=one, params=params, content_type="application/octet-stream") for one in pixels]
    return photos.predict_batch([photos.decode(one) for one in given])


def read_example() -> NDArray[np.uint8]:
    with Image.open(io.BytesIO(Photos.spec.example)) as picture:
        return np.array(picture.convert("RGB").resize((224, 224)))[None]  # (1, 224, 224, 3)


def test_the_model_does_what_its_spec_says(photos: Photos) -> None:
    assert find_problems(photos) == []


@pytest.mark.parametrize("count", [1, 7, 64])
def test_a_batch_has_the_numbers_of_a_direct_call(photos: Photos, count: int) -> None:
    pixels = make_pixels(count)
    expected = ask_network(seeded_network(0), pixels)

    answers = ask(photos, pixels, top_k=100)

    for answer, row in zip(answers, expected, strict=True):
        found = [one.probability for one in answer.classes]
        assert found == pytest.approx(np.sort(row)[: -len(found) - 1 : -1], abs=1e-4)
        assert found == pytest.approx([row[one.class_index] for one in answer.classes], abs=1e-4)


def test_two_pictures_have_different_numbers(photos: Photos) -> None:
    one, other = ask(photos, make_pixels(2), top_k=1)

    assert abs(one.classes[0].probability - other.classes[0].probability) > 1e-3


def test_the_example_is_a_picture_with_five_classes(photos: Photos) -> None:
    (answer,) = ask(photos, read_example())

    assert len({one.class_index for one in answer.classes}) == 5


def test_each_request_of_a_batch_has_its_own_number_of_classes(photos: Photos) -> None:
    pixels = make_pixels(3)
    batch = [Photo(one, Options(top_k=top_k)) for one, top_k in zip(pixels, (1, 100, 7), strict=True)]

    assert [len(answer.classes) for answer in photos.predict_batch(batch)] == [1, 100, 7]


def test_loading_leaves_the_random_numbers_as_they_are() -> None:
    before = torch.random.get_rng_state()

    Photos.load(None, CPU)

    assert torch.equal(torch.random.get_rng_state(), before)


def test_weights_from_a_file_are_used(photos: Photos, tmp_path: Path) -> None:
    network, pixels = seeded_network(1), make_pixels(1)
    save_file(network.state_dict(), tmp_path / "seed-1.safetensors")

    (answer,) = ask(Photos.load(tmp_path / "seed-1.safetensors", CPU), pixels, top_k=1)

    assert answer.classes[0].probability == pytest.approx(ask_network(network, pixels).max(), abs=1e-4)
    assert answer != ask(photos, pixels, top_k=1)[0]


def missing(folder: Path) -> Path:
    return folder / "missing.safetensors"


def broken(folder: Path) -> Path:
    path = folder / "text.safetensors"
    path.write_text("these are words")
    return path


def of_another_network(folder: Path) -> Path:
    path = folder / "other.safetensors"
    save_file({"weight": torch.zeros(1)}, path)
    return path


@pytest.mark.parametrize("make", [missing, broken, of_another_network])
def test_wrong_weights_are_refused_with_a_remedy(make: Callable[[Path], Path], tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="unset INFERENCE_WEIGHTS"):
        Photos.load(make(tmp_path), CPU)

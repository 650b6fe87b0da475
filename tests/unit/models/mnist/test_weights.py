import os
import pickle
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from inference_bridge.errors import WeightsError
from mnist_model.predict.network import MIN_DOUBT, ConvNet
from mnist_model.predict.weights import DEFAULT_WEIGHTS, WeightsInfo, load_weights, save_weights

MNIST_DATA = Path(os.environ.get("MNIST_DATA", "data"))
INFO = WeightsInfo(
    model="mnist",
    version=1,
    shape="28x28",
    class_count=10,
    accuracy=0.9951,
    parameter_count=1_200_011,
    seed=20,
    data_md5="train=00 test=11",
    torch_version="2.6.0",
    torchvision_version="0.21.0",
    trained_on="2026-01-31",
    training_s=900.5,
    recipe="two epochs",
)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "mnist.safetensors"
    save_weights(ConvNet(), path, INFO)
    return path


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    network, path = ConvNet(), tmp_path / "mnist.safetensors"

    save_weights(network, path, INFO)
    state, info = load_weights(path)

    assert info == INFO
    assert all(torch.equal(tensor, state[name]) for name, tensor in network.state_dict().items())


def test_bfloat16_parameters_are_saved_as_float32(tmp_path: Path) -> None:
    path = tmp_path / "mnist.safetensors"

    save_weights(ConvNet().bfloat16(), path, INFO)

    assert {tensor.dtype for tensor in load_weights(path)[0].values()} == {torch.float32}


def test_a_saved_file_may_be_read_by_other_users(saved: Path) -> None:
    assert saved.stat().st_mode & 0o777 == 0o644


def test_saving_leaves_nothing_but_the_file(saved: Path) -> None:
    assert list(saved.parent.iterdir()) == [saved]


def test_a_missing_file_is_named_with_the_remedy(tmp_path: Path) -> None:
    path = tmp_path / "nowhere.safetensors"

    with pytest.raises(
        WeightsError, match=r"nowhere\.safetensors does not exist; train them again .* INFERENCE_WEIGHTS"
    ):
        load_weights(path)


def test_a_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="must be a whole safetensors file"):
        load_weights(tmp_path)


@pytest.mark.parametrize("kept", [pytest.param(0, id="empty"), 7, 1_000, pytest.param(-1, id="last byte missing")])
def test_a_truncated_file_is_refused(saved: Path, kept: int) -> None:
    saved.write_bytes(saved.read_bytes()[:kept])

    with pytest.raises(WeightsError, match="must be a whole safetensors file"):
        load_weights(saved)


class Trap:
    """Leaves a mark when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self._mark = mark

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self._mark,)


def test_a_pickle_is_refused_and_not_run(tmp_path: Path) -> None:
    path, mark = tmp_path / "weights.pt", tmp_path / "mark"
    path.write_bytes(pickle.dumps(Trap(mark)))

    with pytest.raises(WeightsError, match="must be a whole safetensors file"):
        load_weights(path)
    assert not mark.exists()


def test_a_file_of_torch_save_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "weights.pt"
    torch.save(ConvNet().state_dict(), path)

    with pytest.raises(WeightsError, match="must be a whole safetensors file"):
        load_weights(path)


def test_a_file_without_metadata_is_refused(saved: Path) -> None:
    save_file(load_file(saved), saved)

    with pytest.raises(WeightsError, match=r"must have every field of WeightsInfo, but KeyError\('model'\)"):
        load_weights(saved)


def test_metadata_with_a_number_that_is_none_are_refused(saved: Path) -> None:
    save_file(load_file(saved), saved, metadata=INFO.to_metadata() | {"accuracy": "good"})

    with pytest.raises(WeightsError, match=r"must have every field of WeightsInfo, but ValueError.*good"):
        load_weights(saved)


@pytest.mark.parametrize(
    ("info", "rule"),
    [
        pytest.param(replace(INFO, model="cats"), "its model is cats, expected mnist", id="model"),
        pytest.param(replace(INFO, version=2), "its version is 2, expected 1", id="version"),
        pytest.param(replace(INFO, shape="32x32"), "its shape is 32x32, expected 28x28", id="shape"),
        pytest.param(replace(INFO, class_count=26), "its class_count is 26, expected 10", id="classes"),
    ],
)
def test_weights_of_another_model_are_refused(tmp_path: Path, info: WeightsInfo, rule: str) -> None:
    path = tmp_path / "other.safetensors"
    save_weights(ConvNet(), path, info)

    with pytest.raises(WeightsError, match=rf"other\.safetensors cannot be used: {rule}; train them again"):
        load_weights(path)


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        pytest.param({"conv3.bias": torch.zeros(1)}, r"it has the tensors .*conv3\.bias", id="one too many"),
        pytest.param({"dense2.bias": torch.zeros(9)}, r"dense2\.bias is \(9,\) .* expected \(10,\)", id="shape"),
        pytest.param({"dense2.bias": torch.zeros(10).half()}, r"dense2\.bias is \(10,\) torch\.float16", id="dtype"),
        pytest.param({"dense2.bias": torch.full((10,), torch.nan)}, "dense2.bias has values that are not", id="NaN"),
    ],
)  # fmt: skip
def test_tensors_that_do_not_fit_the_network_are_refused(
    saved: Path, change: dict[str, torch.Tensor], rule: str
) -> None:
    save_file(load_file(saved) | change, saved, metadata=INFO.to_metadata())

    with pytest.raises(WeightsError, match=rule):
        load_weights(saved)


def test_weights_from_before_the_network_had_doubt_are_read_with_the_least(saved: Path) -> None:
    state = {name: tensor for name, tensor in load_file(saved).items() if not name.startswith("none.")}
    save_file(state, saved, metadata=INFO.to_metadata())
    network, inputs = ConvNet().eval(), torch.ones(1, 1, 28, 28)

    network.load_state_dict(load_weights(saved)[0])

    likely = network(inputs).softmax(dim=1)
    torch.testing.assert_close(network.classify(inputs), (1 - MIN_DOUBT) * likely + MIN_DOUBT / 10)


def test_the_committed_weights_claim_at_least_99_4_percent() -> None:
    assert load_weights(DEFAULT_WEIGHTS)[1].accuracy >= 0.994


@pytest.mark.skipif(
    not (MNIST_DATA / "t10k-images-idx3-ubyte.gz").exists(), reason=f"{MNIST_DATA} holds no MNIST; see CONTRIBUTING.md"
)
def test_the_committed_weights_read_real_digits() -> None:
    from mnist_training.data import load_split
    from mnist_training.evaluate import evaluate

    network = ConvNet()
    network.load_state_dict(load_weights(DEFAULT_WEIGHTS)[0])

    test = load_split(MNIST_DATA, "t10k").cut(0, 2_000)

    assert evaluate(network, test, names=("clean",)).accuracy["clean"] >= 0.99

"""The weights file: safetensors, with metadata about the training and the accuracy.

Training writes it, the worker reads it; no other module knows the format. Safetensors holds only numbers and text, so
reading an untrusted file runs no code. This module raises only `WeightsError`.
"""

from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from inference_bridge.errors import WeightsError
from mnist_model.predict.network import ConvNet
from mnist_model.spec import ANSWER, INPUT, SPEC

DEFAULT_WEIGHTS = Path(__file__).parent / "trained" / "mnist-v1.safetensors"
"""The weights that come with the package."""

_REMEDY = "train them again with `make train` in a checkout, or unset INFERENCE_WEIGHTS to use the package's weights"

# Weights from before the network had doubt are still read: with these, it has the least doubt of every picture.
_NO_DOUBT = {"none.weight": torch.zeros(1, 128), "none.bias": torch.full((1,), -1e4)}


@dataclass(frozen=True, slots=True)
class WeightsInfo:
    """The origin of weights and their measured accuracy.

    Attributes:
        model: name of the model, as in its `ModelSpec`.
        version: version of the wire format, as in its `ModelSpec`.
        shape: shape of one input, such as `28x28`.
        class_count: number of classes.
        accuracy: share of correct answers on MNIST's 10,000 test pictures, 0 to 1.
        parameter_count: number of trained parameters.
        seed: seed of the training run.
        data_md5: MD5 sums of the decompressed training and test files, as `name=sum`, separated by spaces.
        torch_version: version of PyTorch that trained the weights.
        torchvision_version: version of torchvision that trained the weights.
        trained_on: day of the training, as YYYY-MM-DD.
        training_s: seconds of training, without the measurements.
        recipe: how the weights were trained, in a sentence.
    """

    model: str
    version: int
    shape: str
    class_count: int
    accuracy: float
    parameter_count: int
    seed: int
    data_md5: str
    torch_version: str
    torchvision_version: str
    trained_on: str
    training_s: float
    recipe: str

    def to_metadata(self) -> dict[str, str]:
        """Return the fields as text, as safetensors stores them."""
        return {name: str(value) for name, value in asdict(self).items()}

    @classmethod
    def from_metadata(cls, metadata: dict[str, str]) -> "WeightsInfo":
        """Return the info that `to_metadata` stored.

        Raises:
            KeyError: a field is missing.
            ValueError: a field is not a number.
        """
        return cls(
            model=metadata["model"],
            version=int(metadata["version"]),
            shape=metadata["shape"],
            class_count=int(metadata["class_count"]),
            accuracy=float(metadata["accuracy"]),
            parameter_count=int(metadata["parameter_count"]),
            seed=int(metadata["seed"]),
            data_md5=metadata["data_md5"],
            torch_version=metadata["torch_version"],
            torchvision_version=metadata["torchvision_version"],
            trained_on=metadata["trained_on"],
            training_s=float(metadata["training_s"]),
            recipe=metadata["recipe"],
        )


def format_shape() -> str:
    """Return the shape of one input as in the metadata: `28x28`."""
    return "x".join(str(length) for length in INPUT.shape)


def save_weights(network: ConvNet, path: Path, info: WeightsInfo) -> None:
    """Write the network's parameters as float32, with their metadata; the file appears whole or not at all."""
    state = {name: tensor.detach().float().cpu().contiguous() for name, tensor in network.state_dict().items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    # The rename is atomic: a worker that starts meanwhile reads the old file or the new one.
    partial = path.with_suffix(".partial")
    save_file(state, partial, metadata=info.to_metadata())
    partial.chmod(0o644)  # safetensors makes the file private, but the container's user must read it
    partial.replace(path)


def load_weights(path: Path) -> tuple[dict[str, Tensor], WeightsInfo]:
    """Read weights for the served model.

    Returns:
        The state for `ConvNet.load_state_dict`, float32 on the CPU, and the file's metadata.

    Raises:
        WeightsError: the file is missing or broken, has no metadata, or belongs to another model or network.
    """
    state, metadata = _read(path)
    try:
        info = WeightsInfo.from_metadata(metadata)
    except (KeyError, ValueError) as error:
        raise _explain_refusal(path, f"its metadata must have every field of WeightsInfo, but {error!r}") from error
    _check_model(path, info)
    _check_tensors(path, state)
    return state, info


def _read(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            # `file` is not a dict: it cannot be iterated, but it has `keys`.
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            return _NO_DOUBT | state, file.metadata() or {}
    except FileNotFoundError as error:
        raise WeightsError(f"weights file {path} does not exist; {_REMEDY}") from error
    except (SafetensorError, OSError) as error:
        raise _explain_refusal(path, f"it must be a whole safetensors file ({error})") from error


def _check_model(path: Path, info: WeightsInfo) -> None:
    found = (info.model, info.version, info.shape, info.class_count)
    expected = (SPEC.name, SPEC.version, format_shape(), ANSWER.count)
    for field, value, wanted in zip(("model", "version", "shape", "class_count"), found, expected, strict=True):
        if value != wanted:
            raise _explain_refusal(path, f"its {field} is {value}, expected {wanted}")


def _check_tensors(path: Path, state: dict[str, Tensor]) -> None:
    with torch.device("meta"):  # shapes only: no memory, no random numbers
        expected = ConvNet().state_dict()
    if state.keys() != expected.keys():
        raise _explain_refusal(path, f"it has the tensors {sorted(state)}, expected {sorted(expected)}")
    for name, tensor in state.items():
        if tensor.shape != expected[name].shape or tensor.dtype != torch.float32:
            found = f"{tuple(tensor.shape)} {tensor.dtype}"
            raise _explain_refusal(
                path, f"tensor {name} is {found}, expected {tuple(expected[name].shape)} torch.float32"
            )
        if not tensor.isfinite().all():
            raise _explain_refusal(path, f"tensor {name} has values that are not finite numbers")


def _explain_refusal(path: Path, rule: str) -> WeightsError:
    return WeightsError(f"weights file {path} cannot be used: {rule}; {_REMEDY}")

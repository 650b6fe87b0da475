"""The weights: those of the package silero-vad, or a file of the same tensors."""

from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file

from inference_bridge.errors import WeightsError
from voice_network import VoiceNetwork

_REMEDY = "install models/voice/requirements.txt, or name a safetensors file of Silero VAD for 16 kHz"


def find_weights() -> Path:
    """Return the weights file in the installed package silero-vad.

    Raises:
        WeightsError: the package is not installed.
    """
    try:
        # Its metadata tell the place. An import of the package would change the number of torch's threads.
        return Path(str(distribution("silero-vad").locate_file("silero_vad/data/silero_vad_16k.safetensors")))
    except PackageNotFoundError as error:
        raise WeightsError(f"the package silero-vad, which has the weights, is not installed: {_REMEDY}") from error


def read_network(path: Path) -> VoiceNetwork:
    """Return the network with the weights of a safetensors file.

    Raises:
        WeightsError: the file is missing, broken or of another network.
    """
    network = VoiceNetwork()
    try:
        network.load_state_dict({_name_here(name): tensor for name, tensor in load_file(path).items()})
    except (OSError, SafetensorError, RuntimeError) as error:
        raise WeightsError(f"weights file {path} cannot be used ({error}): {_REMEDY}") from error
    return network.eval()


def _name_here(name: str) -> str:
    """Return our name of a tensor: the file is of an LSTM cell, and torch numbers the layers of an LSTM."""
    return name.replace("lstm_cell.", "lstm.") + "_l0" if name.startswith("lstm_cell.") else name

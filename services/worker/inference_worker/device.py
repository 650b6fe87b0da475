"""Chooses the device and classifies its errors."""

import torch

from inference_bridge.errors import ConfigurationError


def open_device(name: str, *, require_gpu: bool) -> torch.device:
    """Return the device called `name`: `cpu`, `cuda`, `cuda:1`, or `auto` for a GPU if available.

    Raises:
        ConfigurationError: the device does not exist, or is not a GPU although the settings require a GPU.
    """
    has_gpu = torch.cuda.is_available()
    chosen = ("cuda" if has_gpu else "cpu") if name == "auto" else name
    if require_gpu and not chosen.startswith("cuda"):
        reason = "" if has_gpu else f" ({_why_no_gpu()})"
        raise ConfigurationError(
            f"INFERENCE_REQUIRE_GPU is set, but the device is {chosen!r}{reason}; give this worker a GPU"
        )
    if chosen.startswith("cuda") and not has_gpu:
        raise ConfigurationError(
            f"INFERENCE_DEVICE is {name!r}, but torch {torch.__version__} sees no GPU ({_why_no_gpu()}); use auto"
        )
    return torch.device(chosen)


def _why_no_gpu() -> str:
    """Return the first sentence of torch's own reason, such as that the driver is too old."""
    try:
        torch.cuda.init()
    except (RuntimeError, AssertionError) as error:  # AssertionError: a build of torch for the CPU
        return str(error).partition(". ")[0]
    return "the driver shows none"


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether the batch was too large for the device's memory."""
    return isinstance(error, torch.cuda.OutOfMemoryError)


def is_device_lost(error: BaseException) -> bool:
    """Tell whether the device has failed, so that every later call fails with the same CUDA error."""
    return isinstance(error, torch.AcceleratorError) or (
        isinstance(error, RuntimeError) and "CUDA error" in str(error) and not is_out_of_memory(error)
    )

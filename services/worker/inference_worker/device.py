"""Chooses the device, explicitly, and tells its errors apart."""

import torch

from inference_bridge.errors import ConfigurationError


def open_device(name: str, *, require_gpu: bool) -> torch.device:
    """Return the device called `name`: `cpu`, `cuda`, `cuda:1`, or `auto` for a GPU if there is one.

    Raises:
        ConfigurationError: there is no such device, or it is no GPU though one is required.
    """
    has_gpu = torch.cuda.is_available()
    chosen = ("cuda" if has_gpu else "cpu") if name == "auto" else name
    if require_gpu and not chosen.startswith("cuda"):
        raise ConfigurationError(f"INFERENCE_REQUIRE_GPU is set, but the device is {chosen!r}; give this worker a GPU")
    if chosen.startswith("cuda") and not has_gpu:
        raise ConfigurationError(
            f"INFERENCE_DEVICE is {name!r}, but torch {torch.__version__} sees no GPU; use cpu or auto"
        )
    return torch.device(chosen)


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether the device had too little memory for the batch; a smaller one may fit."""
    return isinstance(error, torch.cuda.OutOfMemoryError)


def is_device_lost(error: BaseException) -> bool:
    """Tell whether the device's context is dead: such a CUDA error comes back on every later call."""
    return isinstance(error, torch.AcceleratorError) or (
        isinstance(error, RuntimeError) and "CUDA error" in str(error) and not is_out_of_memory(error)
    )

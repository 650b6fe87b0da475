"""Runs a model as a stranger would, and says in sentences what is wrong."""

import logging
from contextlib import closing
from pathlib import Path

import torch

from inference_worker.device import open_device
from inference_worker.model import Model, open_model
from inference_worker.sdk.steps import STEPS
from inference_worker.sdk.timing import peak_memory, time_batches, time_reading
from inference_worker.sdk.trial import Trial

_BATCH_SIZE = 8


def find_problems(model: Model) -> list[str]:
    """Return what is wrong with a loaded model, as sentences; an empty list if nothing is."""
    with closing(Trial(model, max_batch_size=_BATCH_SIZE)) as trial:
        return _find_problems(trial)


def check_model(name: str, weights: Path | None, device: str, max_batch_size: int) -> int:
    """Print the problems of a model, its times and its memory; return 1 if it has problems, else 0.

    Raises:
        ConfigurationError: the class cannot be imported, is not a valid model, or cannot be loaded.
    """
    logging.getLogger("inference_worker").setLevel(logging.CRITICAL)  # the report has the errors
    torch.set_num_threads(1)  # as in a worker without INFERENCE_TORCH_THREADS
    model = open_model(name, weights, open_device(device, require_gpu=False))
    _say(f"{model.spec.message_type} on {device}")
    with closing(Trial(model, max_batch_size=max(max_batch_size, _BATCH_SIZE))) as trial:
        problems = _find_problems(trial, say=True)
        if not problems:
            _print_times(trial, max_batch_size)
        for unchecked in trial.unchecked:
            _say(f"not checked: {unchecked}")
    _say("\n".join(problems) or "The model does what its spec says.")
    return 1 if problems else 0


def _find_problems(trial: Trial, *, say: bool = False) -> list[str]:
    for step in STEPS:
        problems = list(step(trial))
        if say:
            _say(f"{'WRONG' if problems else 'ok   '}  {step.__doc__}")
        if problems:
            return problems
    return []


def _print_times(trial: Trial, max_batch_size: int) -> None:
    if trial.reads_in_threads:
        _say(f"\n{1_000 * time_reading(trial):.3g} ms to read an input, in a thread of the CPU")
    _say("\nbatch size   ms a batch   inputs/s")
    for size, batch_s in time_batches(trial, max_batch_size):
        if batch_s is None:
            _say(f"{size:10}   failed, such as for want of memory: set INFERENCE_MAX_BATCH_SIZE to {size // 2}")
        else:
            _say(f"{size:10} {1_000 * batch_s:12.3g} {size / batch_s:10,.0f}")
    _say(f"\npeak memory {peak_memory()}")


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201

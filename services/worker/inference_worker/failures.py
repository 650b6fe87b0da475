"""The failure of one job, as its client reads it."""

import logging

from inference_bridge.errors import DeviceLost, InvalidInput, PredictionFailed
from inference_worker.device import is_device_lost

logger = logging.getLogger(__name__)

#: The error of a job that has no answer.
Failure = InvalidInput | PredictionFailed


def check_device(error: Exception) -> None:
    """Raise `DeviceLost` if this error says that the device has failed."""
    if isinstance(error, DeviceLost):
        raise error
    if is_device_lost(error):
        raise DeviceLost(f"the device failed: {error}; restart the worker") from error


def failure_of(error: Exception) -> Failure:
    """Return the failure of the job for which a model's code has raised this error.

    The message of a foreign error may quote the input, so clients read only its type; the log has all of it.

    Raises:
        DeviceLost: the error says that the device has failed.
    """
    check_device(error)
    if isinstance(error, InvalidInput | PredictionFailed):
        return error
    logger.error("prediction failed", exc_info=error, extra={"error": str(error)})
    return PredictionFailed(f"the model could not answer this input ({type(error).__name__})")

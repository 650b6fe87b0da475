"""Fixtures for the tests of the commands."""

import logging
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def log_level() -> Iterator[None]:
    """A check silences the worker's log for its process; the tests after it need the log."""
    logger = logging.getLogger("inference_worker")
    before = logger.level
    yield
    logger.setLevel(before)

"""The API with a short queue, and with several models."""

from collections.abc import AsyncIterator

import pytest

from inference_api.settings import ApiSettings
from tests.unit.api.several import Several, serving


@pytest.fixture
def settings() -> ApiSettings:
    return ApiSettings(port=0, operations_port=0, max_bytes=100_000, max_wait_s=5, queue_max_length=600)


@pytest.fixture
async def several() -> AsyncIterator[Several]:
    async with serving() as api:
        yield api

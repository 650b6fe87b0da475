"""An API of several models."""

from collections.abc import AsyncIterator

import pytest

from tests.unit.api.several import Several, serving


@pytest.fixture
async def several() -> AsyncIterator[Several]:
    """One of each kind of input and answer."""
    async with serving() as api:
        yield api

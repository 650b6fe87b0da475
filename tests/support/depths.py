"""What a depth reader says, for tests: also while it is still connecting."""

import asyncio

from inference_bridge.contract import DepthReader
from inference_bridge.depths import Depths
from inference_bridge.errors import BrokerUnavailable

TIMEOUT_S = 20.0


async def until_depths(reader: DepthReader, expected: Depths) -> None:
    """Return once the reader says so; raise with what it said last when it does not."""
    said: object = None
    try:
        async with asyncio.timeout(TIMEOUT_S):
            while said != expected:
                await asyncio.sleep(0.01)
                said = await _read(reader)
    except TimeoutError:
        raise TimeoutError(f"the reader says {said}, expected {expected}") from None


async def _read(reader: DepthReader) -> Depths | str:
    try:
        return await reader.read()
    except BrokerUnavailable as error:
        return str(error)

"""Waits for a depth reader, also while it is still connecting."""

from inference_bridge.contract import DepthReader
from inference_bridge.depths import Depths
from inference_bridge.errors import BrokerUnavailable
from tests.support.waiting import until_found


async def until_depths(reader: DepthReader, expected: Depths) -> None:
    """Return once the reader says so; raise with what it said last when it does not."""
    said: object = None

    async def says_so() -> bool:
        nonlocal said
        said = await _read(reader)
        return said == expected

    try:
        await until_found(says_so)
    except TimeoutError:
        raise TimeoutError(f"the reader says {said}, expected {expected}") from None


async def _read(reader: DepthReader) -> Depths | str:
    try:
        return await reader.read()
    except BrokerUnavailable as error:
        return str(error)

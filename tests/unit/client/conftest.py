"""Both clients behind one face, so that each behaviour is tested with and without asyncio."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from inference_client import AsyncClient, Client
from tests.unit.client.scripted import Script, run_script


class Blocking:
    """An object of the asyncio client, called without asyncio."""

    def __init__(self, runner: asyncio.Runner, wrapped: Any) -> None:
        self._runner = runner
        self._wrapped = wrapped

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._wrapped, name)
        return self._call(attribute) if callable(attribute) else attribute

    def _call(self, function: Any) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            returned = function(*args, **kwargs)
            if hasattr(returned, "__anext__"):
                return self._iterate(returned)
            value = self._runner.run(_await(returned)) if asyncio.iscoroutine(returned) else returned
            return Blocking(self._runner, value) if hasattr(value, "inference_id") else value

        return call

    def _iterate(self, iterator: Any) -> Iterator[Any]:
        try:
            while True:
                yield self._runner.run(_await(anext(iterator)))
        except StopAsyncIteration:
            pass
        finally:
            self._runner.run(_await(iterator.aclose()))


async def _await(awaitable: Any) -> Any:
    return await awaitable


@pytest.fixture
def script() -> Iterator[Script]:
    with run_script() as running:
        yield running


@pytest.fixture(params=["sync", "async"])
def client(request: pytest.FixtureRequest, script: Script) -> Iterator[Any]:
    if request.param == "sync":
        with Client(script.url, key="a key") as blocking:
            yield blocking
        return
    with asyncio.Runner() as runner:
        wrapped = AsyncClient(script.url, key="a key")
        yield Blocking(runner, wrapped)
        runner.run(wrapped.aclose())

"""`GET …/result/{inference_id}/events`: the state of a job as server-sent events."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from inference_api.served_model import Backend
from inference_api.settings import ApiSettings
from inference_bridge.errors import StoreUnavailable
from inference_bridge.rabbitmq.throughput import Throughput
from inference_bridge.results import expired, failed, produced
from mnist_model.spec import SPEC
from tests.support.waiting import until
from tests.unit.api.conftest import TIMEOUT_S, Service, a_picture, running
from tests.unit.api.several import PAINT, Several, serving, some_settings
from tests.unit.api.test_result import an_id

BOTH = pytest.mark.parametrize("start", ["", "/models/mnist"])


@asynccontextmanager
async def streaming(client: httpx.AsyncClient, path: str) -> AsyncIterator[AsyncIterator[str]]:
    """Open a stream of events; yield its lines, each within the time limit of a test."""
    async with asyncio.timeout(TIMEOUT_S), client.stream("GET", path) as response:
        assert (response.status_code, response.headers["cache-control"]) == (200, "no-store")
        assert response.headers["content-type"].startswith("text/event-stream")
        yield response.aiter_lines()


async def event_of(lines: AsyncIterator[str]) -> tuple[str, dict[str, Any]]:
    """Return the id and the data of the next event; raise StopAsyncIteration at the end of the stream."""
    fields: dict[str, str] = {}
    while "data" not in fields:
        name, _, value = (await anext(lines)).partition(": ")
        fields[name] = value
    return fields["id"], json.loads(fields["data"])


@pytest.fixture
def fast_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream looks at its job and at its client every 10 ms."""
    monkeypatch.setattr("inference_api.events.LOOK_S", 0.01)


@BOTH
async def test_a_stream_has_the_pending_state_then_the_result_and_ends(service: Service, start: str) -> None:
    inference_id = an_id(service)

    async with streaming(service.client, f"{start}/result/{inference_id}/events") as lines:
        pending = await event_of(lines)
        await service.answer(inference_id)
        final = await event_of(lines)
        with pytest.raises(StopAsyncIteration):
            await event_of(lines)

    assert (pending[0], pending[1]["inference_id"], pending[1]["status"]) == ("pending", inference_id, "pending")
    assert ("queue" in pending[1]) == (start != "")
    assert final[0] == "succeeded"
    assert final[1] == (await service.client.get(f"/result/{inference_id}")).json()


async def test_a_stream_says_where_the_job_waits_and_no_place_goes_up(
    service: Service, fast_looks: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = iter([{"workers": 0}, {"position": 5}, {"position": 7}, {"position": 7, "workers": 1}, {"position": 2}])
    monkeypatch.setattr("inference_api.queue_view.QueueView.describe", lambda *_: next(view, {"position": 2}))

    async with streaming(service.client, f"/models/mnist/result/{an_id(service)}/events") as lines:
        queues = [(await event_of(lines))[1]["queue"] for _ in range(4)]

    assert queues == [{"workers": 0}, {"position": 5}, {"position": 5, "workers": 1}, {"position": 2}]


async def test_a_client_that_connects_again_gets_the_result(service: Service) -> None:
    inference_id = an_id(service)
    async with streaming(service.client, f"/result/{inference_id}/events") as lines:
        await event_of(lines)
    await service.store.put([failed(inference_id, "bad_answer", "why")])

    again = await service.client.get(f"/result/{inference_id}/events", headers={"Last-Event-ID": "pending"})
    known = await service.client.get(f"/result/{inference_id}/events", headers={"Last-Event-ID": "failed"})

    assert again.text.startswith("id: failed\ndata: {")
    assert (known.status_code, known.content) == (204, b"")


async def test_any_process_answers(service: Service, settings: ApiSettings) -> None:
    other = Backend(
        SPEC, service.broker.publisher(), service.broker.depth_reader(), service.store, service.signer, Throughput()
    )
    accepted = (await service.submit()).json()
    async with (
        running(settings, [other]) as (client, *_),
        streaming(client, f"/result/{accepted['inference_id']}/events") as lines,
    ):
        assert (await event_of(lines))[0] == "pending"
        await service.answer(accepted["inference_id"])
        assert (await event_of(lines))[0] == "succeeded"


async def test_only_a_state_has_an_id(service: Service, fast_looks: None) -> None:
    async with streaming(service.client, f"/result/{an_id(service)}/events") as lines:
        first = [await anext(lines) for _ in range(8)]

    assert [line for line in first if line] == ["retry: 2000", "id: pending", first[3], ":", ":"]


async def test_a_stream_waits_like_a_call_and_stops_when_its_client_leaves(service: Service, fast_looks: None) -> None:
    async with streaming(service.client, f"/result/{an_id(service)}/events") as lines:
        await event_of(lines)
        assert len(service.waiters) == 1

    await until(lambda: not len(service.waiters))


async def test_without_a_place_a_stream_ends_after_the_state() -> None:
    async with serving([PAINT], some_settings(max_waiters=1)) as several:
        accepted = (await several.submit("paint", a_picture())).json()
        path = f"/models/paint/result/{accepted['inference_id']}/events"
        async with streaming(several.client, path) as lines:
            await event_of(lines)
            second = await several.client.get(path)

    assert second.text.count("data: ") == 1
    assert "id: pending\n" in second.text


async def test_the_end_of_the_process_ends_a_stream(service: Service) -> None:
    async with streaming(service.client, f"/result/{an_id(service)}/events") as lines:
        await event_of(lines)
        service.server.should_exit = True
        with pytest.raises(StopAsyncIteration):
            await event_of(lines)


async def test_a_store_that_is_away_for_a_while_does_not_end_a_stream(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inference_bridge.memory.store.NOTIFICATION_TIMEOUT_S", 0.05)
    inference_id, refused, get = an_id(service), asyncio.Event(), service.store.get

    async def note(inference_ids: Sequence[str]) -> list[bytes | None]:
        try:
            return await get(inference_ids)
        except StoreUnavailable:
            refused.set()
            raise

    monkeypatch.setattr(service.store, "get", note)
    async with streaming(service.client, f"/result/{inference_id}/events") as lines:
        await event_of(lines)
        service.store.is_away = True
        await service.answer(inference_id)
        await refused.wait()
        service.store.is_away = False

        assert (await event_of(lines))[0] == "succeeded"


@BOTH
async def test_what_has_no_result_is_answered_as_the_result_is(service: Service, start: str) -> None:
    late, gone = an_id(service), an_id(service, age_s=900 + 61)
    await service.store.put([expired(late)])

    answers = [await service.client.get(f"{start}/result/{one}/events") for one in ("x" * 24, gone, late)]
    service.store.is_away = True
    away = await service.client.get(f"{start}/result/{an_id(service)}/events")

    assert [one.status_code for one in (*answers, away)] == [404, 410, 410, 503]
    assert int(away.headers["retry-after"]) >= 1


async def test_a_job_that_expires_ends_its_stream_without_a_state(service: Service) -> None:
    inference_id = an_id(service)
    async with streaming(service.client, f"/result/{inference_id}/events") as lines:
        await event_of(lines)
        await service.store.put([expired(inference_id)])
        with pytest.raises(StopAsyncIteration):
            await event_of(lines)


async def test_head_is_answered_without_a_wait(service: Service) -> None:
    head = await service.client.head(f"/result/{an_id(service)}/events")

    assert (head.status_code, head.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")


async def test_an_output_behind_a_prefix_is_linked_with_it() -> None:
    async with serving([PAINT], some_settings(path_prefix="/digits")) as several:
        inference_id = await painted(several)
        events = await several.client.get(f"/models/paint/result/{inference_id}/events")

    assert f'"href":"/digits/models/paint/result/{inference_id}/output"' in events.text


async def painted(several: Several) -> str:
    accepted = (await several.submit("paint", a_picture())).json()
    inference_id: str = accepted["inference_id"]
    await several.served["paint"].store.put([produced(inference_id, b"a picture", "image/png", PAINT)])
    return inference_id

"""One trace: from the call through RabbitMQ to the batch and the answer, seen by a collector of OpenTelemetry."""

import asyncio
import secrets
import signal
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from tests.integration.conftest import some_pictures
from tests.support.collector import Collector, Span, collecting
from tests.support.deployment import Deployment, Service
from tests.support.servers import RabbitMQ, RedisServer, free_port
from tests.support.waiting import until

CLIENT = "b7ad6b7169203331"
NAMES = {
    "inference-api": {"POST /models/{name}", "prepare", "publish", "answer"},
    "inference-worker": {"wait in the queue", "run in a batch", "store"},
}
MODEL = "/models/mnist"
[PICTURE] = some_pictures(1)


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with collecting() as collector:
        yield collector


@pytest.fixture(scope="module")
def deployment(
    rabbitmq: RabbitMQ, redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory, collector: Collector
) -> Iterator[Deployment]:
    """Its worker's model takes 20 ms for a picture."""
    with Deployment(
        tmp_path_factory.mktemp("traced"),
        amqp_url=rabbitmq.url,
        redis_url=redis_server.url,
        INFERENCE_MODEL="tests.support.models:SlowModel",
        INFERENCE_OTLP_ENDPOINT=collector.url,
        OTEL_BSP_SCHEDULE_DELAY="100",
    ) as deployment:
        yield deployment


@pytest.fixture(scope="module", autouse=True)
def worker(deployment: Deployment) -> Service:
    return deployment.worker().wait_until_ready()


@pytest.fixture(scope="module")
def api(deployment: Deployment) -> Service:
    return deployment.api().wait_until_ready()


@pytest.fixture
async def client(api: Service) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(api) as client:
        yield client


@pytest.fixture
def trace() -> str:
    """The id of a new trace."""
    return secrets.token_hex(16)


def client_of(api: Service) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=api.url, timeout=60)


async def submit(client: httpx.AsyncClient, trace: str | None = None, *, flags: str = "01") -> httpx.Response:
    """Submit a picture as a part of a trace, and wait for its answer."""
    headers = {} if trace is None else {"traceparent": f"00-{trace}-{CLIENT}-{flags}"}
    return await client.post(f"{MODEL}?wait=20", content=PICTURE, headers=headers)


async def whole(collector: Collector, trace: str) -> dict[str, Span]:
    """Wait for every span of a trace; return them by name."""
    names = set().union(*NAMES.values())
    await until(lambda: collector.of_trace(trace).keys() >= names)
    return collector.of_trace(trace)


async def test_a_call_and_its_job_are_one_trace_through_api_and_worker(
    client: httpx.AsyncClient, collector: Collector, trace: str
) -> None:
    response = await submit(client, trace)
    spans = await whole(collector, trace)

    assert response.json()["status"] == "succeeded"
    assert {name: {span.name for span in spans.values() if span.service == name} for name in NAMES} == NAMES
    call, publish = spans["POST /models/{name}"], spans["publish"]
    assert call.parent == CLIENT
    assert {spans[name].parent for name in ("prepare", "publish", "answer")} == {call.id}
    assert {spans[name].parent for name in NAMES["inference-worker"]} == {publish.id}
    assert spans["wait in the queue"].attributes["inference.id"] == response.json()["inference_id"]
    assert call.attributes["http.response.status_code"] == 200


async def test_the_spans_of_a_job_follow_each_other(
    client: httpx.AsyncClient, collector: Collector, trace: str
) -> None:
    """The time of acceptance is known to the millisecond."""
    await submit(client, trace)
    spans = await whole(collector, trace)

    waited, ran, stored = (spans[name] for name in ("wait in the queue", "run in a batch", "store"))
    assert spans["prepare"].started_ns <= spans["publish"].started_ns <= spans["answer"].started_ns
    assert spans["prepare"].ended_ns - 1_000_000 <= waited.started_ns <= waited.ended_ns <= ran.started_ns
    assert ran.started_ns < ran.ended_ns <= stored.started_ns <= spans["answer"].ended_ns


async def test_a_batch_is_a_span_of_its_own_with_a_link_to_each_job(
    client: httpx.AsyncClient, worker: Service, collector: Collector
) -> None:
    traces = [secrets.token_hex(16) for _ in range(12)]
    worker.process.send_signal(signal.SIGSTOP)  # so that the jobs meet in the queue
    try:
        calls = [asyncio.create_task(submit(client, trace)) for trace in traces]
        await until(lambda: {span.trace for span in collector.named("publish")}.issuperset(traces))
    finally:
        worker.process.send_signal(signal.SIGCONT)
    await asyncio.gather(*calls)
    spans = [await whole(collector, trace) for trace in traces]

    batches = {batch.id: batch for batch in collector.named("batch")}
    for one in spans:
        [batch_id] = one["run in a batch"].links
        assert one["publish"].id in batches[batch_id].links
        assert batches[batch_id].trace not in traces
    largest = max(batches.values(), key=lambda batch: len(batch.links))
    assert largest.attributes["inference.batch_size"] == len(largest.links)
    assert len(largest.links) > 1


async def test_a_call_without_a_trace_begins_one(client: httpx.AsyncClient, collector: Collector) -> None:
    inference_id = (await submit(client)).json()["inference_id"]

    await until(lambda: any(inference_id in span.attributes.values() for span in collector.spans))
    [waited] = [span for span in collector.spans if inference_id in span.attributes.values()]
    spans = await whole(collector, waited.trace)
    assert spans["POST /models/{name}"].parent == ""


async def test_a_trace_that_its_client_does_not_record_has_no_spans(
    client: httpx.AsyncClient, collector: Collector, trace: str
) -> None:
    unrecorded = secrets.token_hex(16)
    await submit(client, unrecorded, flags="00")
    await submit(client, trace)
    await whole(collector, trace)

    assert collector.of_trace(unrecorded) == {}


async def test_probes_are_not_traced(client: httpx.AsyncClient, collector: Collector, trace: str) -> None:
    for path in ("/healthz", "/readyz", "/serving"):
        await client.get(path)
    await submit(client, trace)
    await whole(collector, trace)

    assert not [span.name for span in collector.spans if span.name.startswith("GET")]


async def test_a_process_that_stops_sends_its_last_spans(
    deployment: Deployment, collector: Collector, trace: str
) -> None:
    """By itself it would send them after a minute."""
    api = await asyncio.to_thread(deployment.api(OTEL_BSP_SCHEDULE_DELAY="60000").wait_until_ready)
    async with client_of(api) as client:
        await submit(client, trace)
    before = collector.of_trace(trace).keys() & NAMES["inference-api"]

    await asyncio.to_thread(api.process.stop)

    assert before == set()
    assert collector.of_trace(trace).keys() >= NAMES["inference-api"]


async def test_a_collector_that_is_away_costs_no_job_and_holds_up_no_stop(deployment: Deployment, trace: str) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"
    api = await asyncio.to_thread(deployment.api(INFERENCE_OTLP_ENDPOINT=nowhere).wait_until_ready)
    async with client_of(api) as client:
        response = await submit(client, trace)

    exit_status = await asyncio.to_thread(api.process.stop)
    assert (response.json()["status"], exit_status) == ("succeeded", 0)

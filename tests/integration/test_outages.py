"""A server goes away and comes back: nothing accepted is lost, and nobody restarts anything by hand."""

import asyncio
import signal

import pytest

from tests.integration.conftest import System, some_pictures
from tests.support.servers import RabbitMQ, RedisServer
from tests.support.waiting import until_in_thread

PICTURES = some_pictures(40)
#: Probes that must fail one after the other until a pod leaves the Service.
FAILURES = 24


@pytest.fixture(params=[signal.SIGTERM, signal.SIGKILL], ids=["stopped", "killed"])
def end(request: pytest.FixtureRequest) -> int:
    """How a server goes away."""
    return int(request.param)


async def test_jobs_survive_a_restart_of_the_broker(system: System, rabbitmq: RabbitMQ, end: int) -> None:
    for worker in system.workers:
        worker.process.send_signal(signal.SIGSTOP)  # so that the jobs stay in the queue
    ids = await system.submit_all(PICTURES)
    rabbitmq.stop(end)
    for worker in system.workers:
        worker.process.send_signal(signal.SIGCONT)

    refusal = await system.refused(PICTURES[0])
    await system.until_ready(False)
    is_alive = system.api.is_alive()
    await asyncio.to_thread(rabbitmq.start)
    await system.until_ready()

    assert (refusal.status_code, is_alive) == (503, True)
    assert int(refusal.headers["retry-after"]) >= 1
    assert {result["status"] for result in await system.results(ids)} == {"succeeded"}
    assert (await system.result(await system.submit(PICTURES[0])))["status"] == "succeeded"


async def test_jobs_survive_a_restart_of_the_store(system: System, redis_server: RedisServer, end: int) -> None:
    finished = await system.submit_all(PICTURES[:5])
    before = await system.results(finished)
    redis_server.stop(end)

    accepted = await system.submit_all(PICTURES)
    reading = await system.client.get(f"/result/{finished[0]}")
    await system.until_ready(False)
    is_alive = system.api.is_alive()
    redis_server.start()
    await system.until_ready()

    assert (reading.status_code, is_alive) == (503, True)
    assert int(reading.headers["retry-after"]) >= 1
    assert {result["status"] for result in await system.results(accepted)} == {"succeeded"}
    # Killed, Redis may forget its last second: those results would be gone, never changed.
    if end == signal.SIGTERM:
        assert await system.results(finished) == before


async def test_results_are_read_and_the_pod_stays_in_its_service_while_the_broker_is_away(
    system: System, rabbitmq: RabbitMQ
) -> None:
    inference_id = await system.submit(PICTURES[0])
    result = await system.result(inference_id)
    rabbitmq.stop()
    try:
        await system.until_ready(False)
        probes = {await asyncio.to_thread(system.api.is_serving) for _ in range(FAILURES)}
        reading = await system.client.get(f"/result/{inference_id}")
        refusal = await system.refused(PICTURES[0])
    finally:
        await asyncio.to_thread(rabbitmq.start)
    await system.until_ready()

    assert probes == {True}
    assert (reading.status_code, reading.json()) == (200, result)
    assert refusal.status_code == 503


async def test_pictures_are_accepted_and_the_pod_stays_in_its_service_while_the_store_is_away(
    system: System, redis_server: RedisServer
) -> None:
    redis_server.stop()
    try:
        await system.until_ready(False)
        probes = {await asyncio.to_thread(system.api.is_serving) for _ in range(FAILURES)}
        inference_id = await system.submit(PICTURES[0])
    finally:
        redis_server.start()
    await system.until_ready()

    assert probes == {True}
    assert (await system.result(inference_id))["status"] == "succeeded"


async def test_a_waiting_call_is_answered_after_the_store_came_back(system: System, redis_server: RedisServer) -> None:
    redis_server.stop()
    waiting = asyncio.create_task(
        system.client.post("/classify", files={"file": PICTURES[0]}, headers={"Prefer": "wait=20"})
    )
    await until_in_thread(lambda: system.api.metric("inference_waiters") == 1)
    redis_server.start()

    response = await waiting

    assert (response.status_code, response.json()["status"]) == (200, "succeeded")


async def test_a_frozen_broker_is_noticed_by_the_first_publish(system: System, rabbitmq: RabbitMQ) -> None:
    rabbitmq.process.send_signal(signal.SIGSTOP)
    try:
        refusal = await system.refused(PICTURES[0])
        await system.until_ready(False)
    finally:
        rabbitmq.process.send_signal(signal.SIGCONT)
    await system.until_ready()

    assert refusal.status_code == 503
    assert (await system.result(await system.submit(PICTURES[0])))["status"] == "succeeded"


async def test_an_alarm_of_the_broker_refuses_and_ends(system: System, rabbitmq: RabbitMQ) -> None:
    rabbitmq.control("set_vm_memory_high_watermark", "0")
    try:
        refusal = await system.refused(PICTURES[0])
        await system.until_ready(False)
    finally:
        rabbitmq.control("set_vm_memory_high_watermark", "0.4")
    await system.until_ready()

    assert refusal.status_code == 503
    assert (await system.result(await system.submit(PICTURES[0])))["status"] == "succeeded"

"""The figure that the autoscaler follows, from real processes."""

import signal
from typing import Any

import httpx

from tests.integration.conftest import System, some_pictures
from tests.support.deployment import Deployment, Service
from tests.support.servers import RabbitMQ, RedisServer
from tests.support.waiting import until_in_thread

PICTURES = some_pictures(6)
AIM = {"target_wait_s": 1, "recent_s": 0}


def demand(api: Service) -> dict[str, Any]:
    """Ask as KEDA does; the status is in the answer."""
    response = httpx.get(f"{api.operations_url}/scaling/mnist", params=AIM, timeout=5)
    return {"http": response.status_code, **response.json()}


async def test_every_api_process_says_the_same_while_jobs_wait_and_are_in_work(
    rabbitmq: RabbitMQ, redis_server: RedisServer, tmp_path: Any
) -> None:
    with Deployment(tmp_path, amqp_url=rabbitmq.url, redis_url=redis_server.url) as deployment:
        apis = [deployment.api(), deployment.api()]
        worker = deployment.worker(INFERENCE_MODEL="tests.support.models:HangingModel").wait_until_ready()
        for api in apis:
            api.wait_until_ready()
        async with httpx.AsyncClient(base_url=apis[0].url, timeout=30) as client:
            for picture in PICTURES:
                await client.post("/classify", files={"file": picture})

        def says_what_is_there(api: Service) -> bool:
            answer = demand(api)
            return (answer.get("waiting_jobs"), answer.get("jobs_in_work"), answer.get("workers")) == (5, 1, 1)

        for api in apis:
            await until_in_thread(lambda api=api: says_what_is_there(api))  # type: ignore[misc]
        worker.process.stop(signal.SIGKILL)


async def test_a_worker_leaves_what_it_measured(system: System) -> None:
    await system.results(await system.submit_all(PICTURES))

    await until_in_thread(lambda: demand(system.api)["throughput"] is not None)


async def test_without_a_broker_the_figure_is_an_error(system: System, rabbitmq: RabbitMQ) -> None:
    rabbitmq.stop()
    answer = demand(system.api)
    rabbitmq.start()
    await system.until_ready()

    assert (answer["http"], answer["code"]) == (503, "broker_unavailable")
    await until_in_thread(lambda: demand(system.api)["http"] == 200)


async def test_without_a_store_the_figure_is_an_error(system: System, redis_server: RedisServer) -> None:
    redis_server.stop()
    answer = demand(system.api)
    redis_server.start()
    await system.until_ready()

    assert (answer["http"], answer["code"]) == (503, "store_unavailable")
    await until_in_thread(lambda: demand(system.api)["http"] == 200)


async def test_what_waits_is_seen_while_an_alarm_keeps_jobs_out(system: System, rabbitmq: RabbitMQ) -> None:
    rabbitmq.control("set_vm_memory_high_watermark", "0")
    try:
        await system.refused(PICTURES[0])
        answer = demand(system.api)
    finally:
        rabbitmq.control("set_vm_memory_high_watermark", "0.4")
    await system.until_ready()

    assert answer["http"] == 200

"""`python -m inference_embedded`: API and worker in one process, without RabbitMQ and Redis, for a first try.

Jobs and results end with the process. Only broker and store differ from production.
"""

import argparse
import asyncio
import logging
import secrets
from functools import partial
from typing import TYPE_CHECKING, NoReturn

import uvloop
from prometheus_client import CollectorRegistry

from inference_api.hooks.endpoints import Endpoints
from inference_api.hooks.metrics import HookMetrics
from inference_api.hooks.sender import Sender
from inference_api.http.server import Server
from inference_api.served_model import Backend
from inference_api.settings import ApiSettings
from inference_api.wiring import wire_server
from inference_bridge.ending import exit_now, run, run_to_exit_status
from inference_bridge.garbage import spare_the_living
from inference_bridge.ids import TicketSigner
from inference_bridge.logs import configure_logging, set_log_level
from inference_bridge.rabbitmq.throughput import Throughput
from inference_bridge.settings import load_settings
from inference_bridge.wiring import build_memory, open_tracer
from inference_worker.model import Model
from inference_worker.process import load_model, warm_worker
from inference_worker.settings import WorkerSettings
from inference_worker.sizing import FIRST_PREFETCH
from inference_worker.worker import Worker

if TYPE_CHECKING:
    from inference_bridge.tracing import Tracer

logger = logging.getLogger("inference_embedded")


FIRST_STEPS = """
mnist-inference listens on {url}

  curl --output example {url}/models/{name}/example
  curl --form file=@example {url}/models/{name}
  curl {url}/models/{name}/result/INFERENCE_ID

or the last two calls in one:

  curl --form file=@example '{url}/models/{name}?wait=5'

in a browser: {url}   documentation: {url}/docs   stop: Ctrl-C
"""


def print_first_steps(name: str, url: str) -> None:
    """Print example commands for the user of a model."""
    print(FIRST_STEPS.format(name=name, url=url), flush=True)  # noqa: T201


def ticket_key(settings: ApiSettings) -> bytes:
    """Return the configured key, or a random key; its ids are then unknown to the next process."""
    if settings.ticket_key is not None:
        return settings.ticket_key.get_secret_value().encode()
    logger.warning("INFERENCE_TICKET_KEY is not set: a random key signs the ids of this process")
    return secrets.token_bytes(32)


async def serve(api: ApiSettings, worker: WorkerSettings, model: Model, tracer: "Tracer | None" = None) -> int:
    """Run API and worker on one event loop until SIGTERM or SIGINT; return the exit status."""
    registry = CollectorRegistry()
    broker, store = build_memory(api, model.spec)
    consumer = broker.consumer(prefetch=FIRST_PREFETCH)
    working = await warm_worker(worker, model, registry, consumer=consumer, store=store, tracer=tracer)
    backend = Backend(
        spec=model.spec,
        publisher=broker.publisher(),
        depth_reader=broker.depth_reader(),
        store=store,
        signer=TicketSigner(ticket_key(api), model=model.spec.name),
        throughput=Throughput(),
    )
    on_listening = partial(print_first_steps, model.spec.name)
    server = wire_server(api, [backend], registry=registry, on_listening=on_listening, tracer=tracer)
    hooks = {model.spec.name: store.hooks}
    sender = Sender(Endpoints(api.webhooks_file), hooks, HookMetrics(registry, hooks))
    await _run_all(server, working, sender)
    return server.exit_status


async def _run_all(server: Server, worker: Worker, sender: Sender) -> None:
    stop = asyncio.Event()
    working = asyncio.create_task(worker.run(stop))
    sending = asyncio.create_task(sender.run(stop))
    for task in (working, sending):
        task.add_done_callback(lambda _: setattr(server, "should_exit", True))
    await server.serve()
    stop.set()
    await working
    await sending


def main() -> NoReturn:
    """Serve until SIGTERM or SIGINT; the exit status is the server's."""
    description = (
        "API and worker in one process, without RabbitMQ and Redis. Settings: environment variables, `INFERENCE_…`."
    )
    argparse.ArgumentParser(prog="python -m inference_embedded", description=description).parse_args()
    configure_logging(service="embedded")
    exit_now(run_to_exit_status(_work, logger, "service"))


def _work() -> int:
    api, worker = load_settings(ApiSettings), load_settings(WorkerSettings)
    set_log_level(api.log_level)
    model = load_model(worker)
    with open_tracer(api, service="embedded") as tracer:
        spare_the_living()
        return run(serve(api, worker, model, tracer), loop_factory=uvloop.new_event_loop)


if __name__ == "__main__":
    main()

"""Runs the worker as a process: loads the model, answers probes, works until SIGTERM."""

import asyncio
import logging
from typing import TYPE_CHECKING, NoReturn

import torch
import uvloop
from prometheus_client import CollectorRegistry

from inference_bridge.contract import Consumer, Store
from inference_bridge.ending import exit_now, run, run_to_exit_status, stop_event
from inference_bridge.errors import ConfigurationError
from inference_bridge.garbage import spare_the_living
from inference_bridge.logs import configure_logging, set_log_level
from inference_bridge.rabbitmq.consumer import AmqpConsumer
from inference_bridge.settings import load_settings
from inference_bridge.wiring import build_registry, build_store, build_topology, open_tracer
from inference_worker.deletion_cost import DeletionCost
from inference_worker.device import open_device
from inference_worker.engine import Engine
from inference_worker.metrics import WorkerMetrics
from inference_worker.model import Model, open_model
from inference_worker.own_pod import OwnPod
from inference_worker.probes import probe_server
from inference_worker.settings import WorkerSettings
from inference_worker.sizing import FIRST_PREFETCH, BatchSizing, most_held
from inference_worker.worker import Worker

if TYPE_CHECKING:
    from inference_bridge.tracing import Tracer

logger = logging.getLogger("inference_worker")

#: Seconds of a stop after the drain: to uncount a solo run, and to close the connections (2 s each) and the probes.
STOP_MARGIN_S = 10
CLOSE_TIMEOUT_S = 2.0


def load_model(settings: WorkerSettings) -> Model:
    """Return the model of the settings on the device of the settings.

    Raises:
        ConfigurationError: the model, its weights or the device are not there.
    """
    torch.set_num_threads(settings.torch_threads)
    device = open_device(settings.device, require_gpu=settings.require_gpu)
    try:
        model = open_model(settings.model, settings.weights, device)
    except ConfigurationError as error:
        raise ConfigurationError(f"INFERENCE_MODEL: {error}") from error
    logger.info("model loaded", extra={"model": model.spec.message_type, "device": str(device)})
    return model


async def serve(settings: WorkerSettings, model: Model, tracer: "Tracer | None" = None) -> None:
    """Work until SIGTERM or SIGINT."""
    stop = stop_event(within_s=settings.drain_timeout_s + STOP_MARGIN_S)
    registry = build_registry()
    consumer, store = connect_to(settings, model)
    warming = asyncio.create_task(warm_worker(settings, model, registry, consumer=consumer, store=store, tracer=tracer))
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait([warming, stopping], return_when=asyncio.FIRST_COMPLETED)
    if not warming.done():
        return
    worker = warming.result()
    probes = probe_server(settings.probe_host, settings.probe_port, is_ready=lambda: worker.is_ready, registry=registry)
    probing = asyncio.create_task(probes.serve())
    probing.add_done_callback(lambda _: stop.set())  # a worker without probes must be replaced
    telling = asyncio.create_task(tell_kubernetes(settings, worker, stop))
    try:
        await worker.run(stop)
    finally:
        telling.cancel()
        probes.should_exit = True
        closing = asyncio.create_task(store.close())
        await asyncio.wait([probing, closing], timeout=CLOSE_TIMEOUT_S)
    if probing.done():
        probing.result()


def connect_to(settings: WorkerSettings, model: Model) -> tuple[Consumer, Store]:
    """Return the consumer and the store of the worker; nothing is connected yet."""
    # The worker repeats failed calls to Redis itself, and must see each failure.
    store = build_store(settings, model.spec, retries=0)
    topology = build_topology(settings, model.spec)
    return AmqpConsumer(settings.broker_url, spec=model.spec, topology=topology, prefetch=FIRST_PREFETCH), store


async def warm_worker(
    settings: WorkerSettings,
    model: Model,
    registry: CollectorRegistry,
    *,
    consumer: Consumer,
    store: Store,
    tracer: "Tracer | None" = None,
) -> Worker:
    """Return a worker with a warm model, for any broker and store."""
    max_held = most_held(model.spec.takes.max_body_bytes)
    engine = Engine(
        model,
        max_batch_size=min(settings.max_batch_size, max_held),
        forward_timeout_s=settings.forward_timeout_s,
        decode_threads=settings.decode_threads,
        max_result_bytes=settings.max_result_bytes,
    )
    await engine.warm_up()
    return Worker(
        consumer=consumer,
        store=store,
        engine=engine,
        sizing=BatchSizing(engine.max_batch_size, max_held),
        spec=model.spec,
        metrics=WorkerMetrics(registry, model=model.spec.name),
        drain_timeout_s=settings.drain_timeout_s,
        pool=settings.pool,
        tracer=tracer,
    )


async def tell_kubernetes(settings: WorkerSettings, worker: Worker, stop: asyncio.Event) -> None:
    """Tell Kubernetes whether the worker is busy until `stop` is set, if the settings name its pod."""
    if settings.pod_name is not None and settings.pod_namespace is not None:
        pod = OwnPod(settings.pod_name, settings.pod_namespace)
        await DeletionCost(pod, jobs_in_work=worker.jobs_in_work).run(stop)


def run_worker() -> NoReturn:
    """Run the worker; exit status: 0 stopped, 1 failed, 70 device lost, 78 wrong configuration."""
    configure_logging(service="worker")
    exit_now(run_to_exit_status(_work, logger, "worker"))


def _work() -> int:
    settings = load_settings(WorkerSettings)
    set_log_level(settings.log_level)
    model = load_model(settings)
    spare_the_living()
    with open_tracer(settings, service="worker") as tracer:
        run(serve(settings, model, tracer), loop_factory=uvloop.new_event_loop)
    return 0

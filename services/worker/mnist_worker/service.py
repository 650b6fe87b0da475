"""The worker as a process: load and warm up the model, answer probes, work until SIGTERM."""

import asyncio
import logging
import os
import signal
import sys

import torch
import uvloop
from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector

from mnist_bridge.consumer import AmqpConsumer
from mnist_bridge.contract import Consumer, Store
from mnist_bridge.errors import ConfigurationError, DeviceLost
from mnist_bridge.logs import configure_logging
from mnist_bridge.settings import load_settings
from mnist_bridge.store import RedisStore, connect_redis
from mnist_bridge.topology import topology_for
from mnist_worker.device import open_device
from mnist_worker.engine import Engine
from mnist_worker.metrics import WorkerMetrics
from mnist_worker.model import Model, import_model
from mnist_worker.probes import probe_server
from mnist_worker.settings import WorkerSettings
from mnist_worker.worker import Worker

logger = logging.getLogger("mnist_worker")

EXIT_CONFIGURATION = 78  # EX_CONFIG, sysexits.h
EXIT_DEVICE_LOST = 70  # EX_SOFTWARE


def load_model(settings: WorkerSettings) -> Model:
    """Return the model that the settings name, on the device that they name."""
    torch.set_num_threads(settings.torch_threads)
    device = open_device(settings.device, require_gpu=settings.require_gpu)
    model = import_model(settings.model).load(settings.weights, device)
    logger.info("model loaded", extra={"model": model.spec.message_type, "device": str(device)})
    return model


async def serve(settings: WorkerSettings, model: Model) -> None:
    """Work until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signal_number, stop.set)
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    consumer, store = connect_to(settings, model)
    worker = await warm_worker(settings, model, registry, consumer=consumer, store=store)
    probes = probe_server(settings.probe_host, settings.probe_port, is_ready=lambda: worker.is_ready, registry=registry)
    probing = asyncio.create_task(probes.serve())
    try:
        await worker.run(stop)
    finally:
        probes.should_exit = True
        await asyncio.gather(probing, store.close(), return_exceptions=True)


def connect_to(settings: WorkerSettings, model: Model) -> tuple[AmqpConsumer, RedisStore]:
    """Return the ways to RabbitMQ and Redis; nothing is connected yet."""
    topology = topology_for(model.spec, queue_max_length=settings.queue_max_length)
    consumer = AmqpConsumer(settings.broker_url, spec=model.spec, topology=topology, prefetch=settings.prefetch)
    redis = connect_redis(settings.redis_url.get_secret_value(), ca_file=settings.ca_file)
    return consumer, RedisStore(redis, spec=model.spec, result_ttl_s=settings.result_ttl_s)


async def warm_worker(
    settings: WorkerSettings, model: Model, registry: CollectorRegistry, *, consumer: Consumer, store: Store
) -> Worker:
    """Return a worker whose model is warm, for whatever broker and store."""
    engine = Engine(model, max_batch_size=settings.max_batch_size, forward_timeout_s=settings.forward_timeout_s)
    await engine.warm_up()
    return Worker(
        consumer=consumer,
        store=store,
        engine=engine,
        spec=model.spec,
        metrics=WorkerMetrics(registry),
        drain_timeout_s=settings.drain_timeout_s,
    )


def run_worker() -> None:
    """Run the worker; the exit status says why it ended: 0 stopped, 70 device lost, 78 configuration."""
    configure_logging(service="worker", level="info")
    try:
        settings = load_settings(WorkerSettings)
        logging.getLogger().setLevel(settings.log_level.upper())
        model = load_model(settings)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(serve(settings, model))
    except ConfigurationError as error:
        logger.critical("configuration error", extra={"reason": str(error)})
        sys.exit(EXIT_CONFIGURATION)
    except DeviceLost as error:
        logger.critical("device lost", extra={"reason": str(error)})
        logging.shutdown()
        # A hung forward pass cannot be ended from outside: a normal exit would wait for its thread for ever.
        os._exit(EXIT_DEVICE_LOST)

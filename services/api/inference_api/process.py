"""The API as a process: HTTP in front of RabbitMQ and Redis, until SIGTERM."""

import logging
import sys
from typing import NoReturn

import uvloop
from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector

from inference_api.http.server import EXIT_DEFECT, Server
from inference_api.settings import ApiSettings
from inference_api.wiring import wire_server
from inference_bridge.ending import leave, run
from inference_bridge.errors import ConfigurationError
from inference_bridge.ids import TicketSigner
from inference_bridge.logs import configure_logging
from inference_bridge.rabbitmq.depth_reader import AmqpDepthReader
from inference_bridge.rabbitmq.publisher import AmqpPublisher
from inference_bridge.rabbitmq.throughput import DrainRate
from inference_bridge.rabbitmq.topology import topology_for
from inference_bridge.redis_store import RedisStore, connect_redis
from inference_bridge.settings import load_settings
from inference_bridge.spec import load_spec

logger = logging.getLogger("inference_api")

EXIT_CONFIGURATION = 78  # EX_CONFIG, sysexits.h


def build_server(settings: ApiSettings) -> Server:
    """Return the server with its parts; nothing is connected yet.

    Raises:
        ConfigurationError: no ticket key, or no such model.
    """
    if settings.ticket_key is None:
        raise ConfigurationError(
            "INFERENCE_TICKET_KEY is not set; every API process needs the same secret; try `openssl rand -hex 32`"
        )
    spec = load_spec(settings.model)
    drain_rate = DrainRate()
    topology = topology_for(spec, queue_max_length=settings.queue_max_length)
    publisher = AmqpPublisher(
        settings.broker_url,
        spec=spec,
        topology=topology,
        publish_timeout_s=settings.publish_timeout_s,
        max_unconfirmed=settings.max_unconfirmed,
        settle_s=settings.queue_settle_s,
        drain_rate=drain_rate,
    )
    depth_reader = AmqpDepthReader(settings.broker_url, spec=spec, topology=topology)
    redis = connect_redis(settings.redis_url.get_secret_value(), ca_file=settings.ca_file)
    store = RedisStore(redis, spec=spec, result_ttl_s=settings.result_ttl_s)
    signer = TicketSigner(settings.ticket_key.get_secret_value().encode(), model=spec.name)
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    return wire_server(
        settings,
        spec,
        publisher=publisher,
        depth_reader=depth_reader,
        store=store,
        signer=signer,
        drain_rate=drain_rate,
        registry=registry,
    )


def run_api() -> NoReturn:
    """Serve until SIGTERM or SIGINT; the exit status is 70 after a defect, 78 when the configuration is wrong."""
    configure_logging(service="api", level="info")
    try:
        settings = load_settings(ApiSettings)
        logging.getLogger().setLevel(settings.log_level.upper())
        server = build_server(settings)
    except ConfigurationError as error:
        logger.critical("configuration error", extra={"reason": str(error)})
        sys.exit(EXIT_CONFIGURATION)
    try:
        run(server.serve(), loop_factory=uvloop.new_event_loop)
    # The boundary of the process: a traceback of Python's own would come after the wait for its threads.
    except Exception:
        logger.exception("service failed")
        leave(EXIT_DEFECT)
    leave(server.exit_status)  # no picture that hangs in a thread may hold it up

"""`python -m mnist_api`: the HTTP API in front of RabbitMQ and Redis."""

import logging
import sys

import uvloop
from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector

from mnist_api.app import create_app
from mnist_api.background import Background
from mnist_api.metrics import WaitingJobs
from mnist_api.model import import_prepare
from mnist_api.operations import create_operations_app
from mnist_api.scaling import Scaling
from mnist_api.server import EXIT_DEFECT, Server, http_server
from mnist_api.settings import ApiSettings
from mnist_api.waiters import Waiters
from mnist_bridge.depth_reader import AmqpDepthReader
from mnist_bridge.drain_rate import DrainRate
from mnist_bridge.ending import leave, run
from mnist_bridge.errors import ConfigurationError
from mnist_bridge.ids import TicketSigner
from mnist_bridge.logs import configure_logging
from mnist_bridge.publisher import AmqpPublisher
from mnist_bridge.settings import load_settings
from mnist_bridge.spec import load_spec
from mnist_bridge.store import RedisStore, connect_redis
from mnist_bridge.topology import topology_for

logger = logging.getLogger("mnist_api")

EXIT_CONFIGURATION = 78  # EX_CONFIG, sysexits.h


def build_server(settings: ApiSettings) -> Server:
    """Return the server with its parts; nothing is connected yet.

    Raises:
        ConfigurationError: no ticket key, or no such model.
    """
    if settings.ticket_key is None:
        raise ConfigurationError(
            "MNIST_TICKET_KEY is not set; every API process needs the same secret, such as from `openssl rand -hex 32`"
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
    waiters = Waiters(store, max_waiters=settings.max_waiters)
    background = Background()
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    app = create_app(
        settings,
        prepare=import_prepare(spec),
        publisher=publisher,
        depth_reader=depth_reader,
        store=store,
        signer=signer,
        waiters=waiters,
        drain_rate=drain_rate,
        registry=registry,
        background=background,
    )
    operations_app = create_operations_app(
        spec=spec,
        scaling=Scaling(depth_reader, store, drain_rate),
        waiting_jobs=WaitingJobs(registry, depth_reader, topology),
        registry=registry,
    )
    return http_server(app, operations_app, settings, waiters=waiters, background=background)


def main() -> None:
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


if __name__ == "__main__":
    main()

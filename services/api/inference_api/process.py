"""Runs the API as a process until SIGTERM."""

import logging
from typing import TYPE_CHECKING, NoReturn

import uvloop

from inference_api.http.server import Server
from inference_api.served_model import Backend
from inference_api.settings import ApiSettings
from inference_api.wiring import wire_server
from inference_bridge.ending import EXIT_SOFTWARE, exit_now, run, run_to_exit_status
from inference_bridge.errors import ConfigurationError
from inference_bridge.garbage import spare_the_living
from inference_bridge.ids import TicketSigner
from inference_bridge.logs import configure_logging, set_log_level
from inference_bridge.rabbitmq.depth_reader import AmqpDepthReader
from inference_bridge.rabbitmq.publisher import AmqpPublisher
from inference_bridge.rabbitmq.throughput import Throughput
from inference_bridge.settings import load_settings
from inference_bridge.spec import ModelSpec
from inference_bridge.spec_files import load_specs
from inference_bridge.wiring import build_registry, build_store, build_topology, open_tracer

if TYPE_CHECKING:
    from inference_bridge.tracing import Tracer

logger = logging.getLogger("inference_api")


def build_server(settings: ApiSettings, tracer: "Tracer | None" = None) -> Server:
    """Return the server; nothing is connected yet.

    Raises:
        ConfigurationError: the ticket key is missing, or the models are missing or wrong.
    """
    if settings.ticket_key is None:
        raise ConfigurationError(
            "INFERENCE_TICKET_KEY is not set; every API process needs the same secret; try `openssl rand -hex 32`"
        )
    key = settings.ticket_key.get_secret_value().encode()
    backends = [_backend(settings, spec, key) for spec in load_specs(settings.models or "")]
    return wire_server(settings, backends, registry=build_registry(), tracer=tracer)


def _backend(settings: ApiSettings, spec: ModelSpec, key: bytes) -> Backend:
    throughput, topology = Throughput(), build_topology(settings, spec)
    publisher = AmqpPublisher(
        settings.broker_url,
        spec=spec,
        topology=topology,
        publish_timeout_s=settings.publish_timeout_s,
        max_unconfirmed=settings.max_unconfirmed,
        settle_s=settings.queue_settle_s,
        throughput=throughput,
    )
    return Backend(
        spec=spec,
        publisher=publisher,
        depth_reader=AmqpDepthReader(settings.broker_url, spec=spec, topology=topology),
        store=build_store(settings, spec),
        signer=TicketSigner(key, model=spec.name),
        throughput=throughput,
    )


def run_api() -> NoReturn:
    """Serve until SIGTERM or SIGINT; the exit status is 70 after a defect, 78 when the configuration is wrong."""
    configure_logging(service="api")
    # `exit_now` does not wait for an upload that hangs in a thread.
    exit_now(run_to_exit_status(_serve, logger, "service", on_failure=EXIT_SOFTWARE))


def _serve() -> int:
    settings = load_settings(ApiSettings)
    set_log_level(settings.log_level)
    with open_tracer(settings, service="api") as tracer:
        server = build_server(settings, tracer)
        spare_the_living()
        run(server.serve(), loop_factory=uvloop.new_event_loop)
    return server.exit_status

"""Builds the server of an API process from its settings, broker and store."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry

from inference_api.app import create_app
from inference_api.background import Background
from inference_api.http.server import Server, http_server, log_address
from inference_api.metrics import WaitingJobs
from inference_api.model import import_prepare
from inference_api.operations import create_operations_app
from inference_api.scaling import Scaling
from inference_api.settings import ApiSettings
from inference_api.waiters import Waiters
from inference_bridge.contract import DepthReader, Publisher, Store
from inference_bridge.ids import TicketSigner
from inference_bridge.rabbitmq.throughput import Throughput
from inference_bridge.spec import ModelSpec
from inference_bridge.wiring import build_topology


def wire_server(
    settings: ApiSettings,
    spec: ModelSpec,
    *,
    publisher: Publisher,
    depth_reader: DepthReader,
    store: Store,
    signer: TicketSigner,
    throughput: Throughput,
    registry: CollectorRegistry,
    on_listening: Callable[[str], None] = log_address,
) -> Server:
    """Return the server of one model; nothing is connected yet.

    Raises:
        ConfigurationError: the key file or the model's function is missing or wrong.
    """
    waiters = Waiters(store, max_waiters=settings.max_waiters)
    background = Background()
    app = create_app(
        settings,
        prepare=import_prepare(spec),
        publisher=publisher,
        depth_reader=depth_reader,
        store=store,
        signer=signer,
        waiters=waiters,
        throughput=throughput,
        registry=registry,
        background=background,
    )
    operations_app = create_operations_app(
        spec=spec,
        scaling=Scaling(depth_reader, store, throughput),
        waiting_jobs=WaitingJobs(registry, depth_reader, build_topology(settings, spec)),
        registry=registry,
    )
    return http_server(app, operations_app, settings, waiters=waiters, background=background, on_listening=on_listening)

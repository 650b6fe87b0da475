"""Builds the server of an API process from its settings and the backends of its models."""

from collections.abc import Callable, Sequence
from threading import Semaphore
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry

from inference_api.app import create_app
from inference_api.background import Background
from inference_api.http.server import Server, log_address
from inference_api.http.uploads import FORM_OVERHEAD_BYTES
from inference_api.metrics import ApiMetrics, WaitingJobs
from inference_api.operations.app import create_operations_app
from inference_api.operations.scaling import Scaling
from inference_api.served_model import Backend, ServedModel, serve_model
from inference_api.settings import ApiSettings
from inference_bridge.errors import ConfigurationError
from inference_bridge.rabbitmq.throughput import Throughput

if TYPE_CHECKING:
    from inference_bridge.tracing import Tracer


def wire_server(
    settings: ApiSettings,
    backends: Sequence[Backend],
    *,
    registry: CollectorRegistry,
    on_listening: Callable[[str], None] = log_address,
    tracer: "Tracer | None" = None,
) -> Server:
    """Return the server of these models; nothing is connected yet.

    The highest version of a name has the routes. For a lower one, the process only tells the autoscaler how many
    workers still empty its queue.

    Raises:
        ConfigurationError: the key file or a spec is wrong, or the default model is not served.
    """
    metrics, places, background = ApiMetrics(registry), Semaphore(settings.max_waiters), Background()
    served = [backend for backend in backends if backend is _newest(backends, backend.spec.name)]
    models = [serve_model(backend, settings, places=places, metrics=metrics) for backend in served]
    _check_memory(models, settings)
    app = create_app(
        settings,
        models,
        default=find_default(models, settings.default_model),
        draining=[backend for backend in backends if backend not in served],
        metrics=metrics,
        background=background,
        tracer=tracer,
    )
    operations_app = create_operations_app(
        scalings={backend.spec.queue_prefix: _scaling(backend, is_served=backend in served) for backend in backends},
        waiting_jobs=WaitingJobs(registry, [(backend.spec, backend.depth_reader) for backend in backends]),
        registry=registry,
    )
    waiters = [model.waiters for model in models]
    return Server(app, operations_app, settings, waiters=waiters, background=background, on_listening=on_listening)


def find_default(models: Sequence[ServedModel], name: str | None) -> ServedModel | None:
    """Return the model behind `/classify`: the named one, or the only one; None if several are served.

    Raises:
        ConfigurationError: no served model has the name.
    """
    if not name:
        return models[0] if len(models) == 1 else None
    for model in models:
        if model.spec.name == name:
            return model
    names = ", ".join(model.spec.name for model in models)
    raise ConfigurationError(f"INFERENCE_DEFAULT_MODEL is {name!r}, but INFERENCE_MODELS has {names}; name one of them")


def _newest(backends: Sequence[Backend], name: str) -> Backend:
    return max((one for one in backends if one.spec.name == name), key=lambda one: one.spec.version)


def _check_memory(models: Sequence[ServedModel], settings: ApiSettings) -> None:
    for model in models:
        least = model.input.max_bytes + FORM_OVERHEAD_BYTES
        if settings.max_buffered_bytes < least:
            raise ConfigurationError(
                f"INFERENCE_MAX_BUFFERED_BYTES is {settings.max_buffered_bytes}, but the largest upload of "
                f"{model.spec.name} needs {least}; raise it"
            )


def _scaling(backend: Backend, *, is_served: bool) -> Scaling:
    # All versions notify on one channel: a result of the new version must not keep a worker of the old one.
    throughput = backend.throughput if is_served else Throughput()
    return Scaling(backend.depth_reader, backend.store, throughput)

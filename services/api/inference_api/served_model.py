"""One served model: everything that it does not share with the other models of the process."""

from dataclasses import dataclass
from threading import Semaphore

from inference_api.clients.claims import Claims
from inference_api.inputs import input_of
from inference_api.inputs.input import ANY_BYTES, Input
from inference_api.metrics import ApiMetrics, ModelMetrics
from inference_api.parameters import Parameters
from inference_api.queue_view import QueueView
from inference_api.settings import ApiSettings
from inference_api.submissions import CLASSIFY, Submissions
from inference_api.waiters import Waiters
from inference_bridge.contract import DepthReader, Publisher, Store
from inference_bridge.errors import InvalidInput
from inference_bridge.ids import TicketSigner
from inference_bridge.rabbitmq.throughput import Throughput
from inference_bridge.spec import ModelSpec


@dataclass(frozen=True, slots=True)
class Backend:
    """The parts of a model outside this process, and the key of its ids.

    Attributes:
        spec: the model.
        publisher: publishes its jobs.
        depth_reader: reads the depth of its queues.
        store: has its results.
        signer: signs its ids.
        throughput: counts its results.
    """

    spec: ModelSpec
    publisher: Publisher
    depth_reader: DepthReader
    store: Store
    signer: TicketSigner
    throughput: Throughput


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A model with routes; see the classes of its attributes.

    Attributes:
        example_type: the media type of its example.
        prefix: of all paths, as clients see them behind a proxy; empty for none.
    """

    spec: ModelSpec
    backend: Backend
    input: Input
    example_type: str
    parameters: Parameters
    submissions: Submissions
    claims: Claims
    waiters: Waiters
    queue_view: QueueView
    metrics: ModelMetrics
    prefix: str

    @property
    def path(self) -> str:
        """The path of its calls, without the prefix of a proxy."""
        return f"/models/{self.spec.name}"

    @property
    def url(self) -> str:
        """The path of its calls, as clients see it."""
        return self.prefix + self.path

    @property
    def default_url(self) -> str:
        """The path of submissions to it as the default model, as clients see it."""
        return self.prefix + CLASSIFY


def serve_model(backend: Backend, settings: ApiSettings, *, places: Semaphore, metrics: ApiMetrics) -> ServedModel:
    """Return a model with everything that its routes need; nothing is connected yet.

    Args:
        backend: its parts outside this process.
        settings: of the process.
        places: for waiting calls of all models.
        metrics: of all models.

    Raises:
        ConfigurationError: its spec is wrong.
    """
    spec = backend.spec
    given = input_of(spec, max_bytes=settings.max_bytes, max_pixels=settings.max_pixels)
    submissions = Submissions(backend.publisher, backend.store, backend.signer, spec, job_ttl_s=settings.job_ttl_s)
    waiters = Waiters(backend.store, places)
    metrics.watch_waiters(spec.name, waiters.__len__)
    return ServedModel(
        spec=spec,
        backend=backend,
        input=given,
        example_type=_type_of_example(given, spec.example),
        parameters=Parameters(spec),
        submissions=submissions,
        claims=Claims(backend.store, submissions, ttl_s=settings.result_ttl_s, noun=spec.takes.noun),
        waiters=waiters,
        queue_view=QueueView(),
        metrics=metrics.of_model(spec.name),
        prefix=settings.path_prefix,
    )


def _type_of_example(given: Input, example: bytes) -> str:
    try:
        return given.type_of(example)
    except InvalidInput:
        return ANY_BYTES

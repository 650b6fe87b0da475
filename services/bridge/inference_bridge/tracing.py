"""Spans for OpenTelemetry: where the time of a call and of its job went.

Only `inference_bridge.wiring.open_tracer` imports this module, and only with an endpoint. The SDK reads its own
variables too: `OTEL_TRACES_SAMPLER` and `OTEL_EXPORTER_OTLP_HEADERS`, for example.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from threading import Thread

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Link, Span, SpanContext, SpanKind, get_current_span, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

#: Seconds that a process gives its last spans to leave.
CLOSE_TIMEOUT_S = 2.0
_TRACEPARENT = "traceparent"
_FORMAT = TraceContextTextMapPropagator()


class Tracer:
    """Makes spans; a thread of its own sends them. A collector that is away costs spans, never a job.

    Args:
        endpoint: base URL of a collector that takes OTLP over HTTP.
        service: the name of this kind of process.
    """

    def __init__(self, endpoint: str, *, service: str) -> None:
        exporter = OTLPSpanExporter(f"{endpoint.rstrip('/')}/v1/traces")
        self._provider = TracerProvider(resource=Resource.create({SERVICE_NAME: service}), shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer(__name__)

    @contextmanager
    def call(self, name: str, traceparent: str | None) -> Iterator[Span]:
        """Span the block as a call of a client that sent this header, if any."""
        kind = SpanKind.SERVER
        with self._tracer.start_as_current_span(name, _context(traceparent), kind, record_exception=False) as span:
            yield span

    @contextmanager
    def part(self, name: str) -> Iterator[str]:
        """Span the block as a part of the span around it; yield the `traceparent` of this part."""
        with self._tracer.start_as_current_span(name, record_exception=False) as span:
            yield _traceparent(span)

    def record(
        self,
        name: str,
        traceparent: str | None,
        started_ns: int,
        ended_ns: int,
        *,
        links: Sequence[str] = (),
        attributes: Mapping[str, str | int] | None = None,
    ) -> str:
        """Make a span of work that is over; return its `traceparent`.

        Args:
            name: of the work.
            traceparent: of the span that it belongs to; None begins a trace.
            started_ns: when it began, nanoseconds since 1970.
            ended_ns: when it was over.
            links: the `traceparent` of each span that it has to do with.
            attributes: more about it.
        """
        linked = [Link(_span_context(_context(link))) for link in links]
        parent = _context(traceparent)
        span = self._tracer.start_span(name, parent, attributes=attributes, links=linked, start_time=started_ns)
        span.end(max(started_ns, ended_ns))
        return _traceparent(span)

    def close(self) -> None:
        """Send the last spans, or give them up after `CLOSE_TIMEOUT_S`."""
        closing = Thread(target=self._provider.shutdown, daemon=True)
        closing.start()
        closing.join(CLOSE_TIMEOUT_S)


def _context(traceparent: str | None) -> Context:
    # An empty context, since the span of an earlier caller may be current in this task.
    return _FORMAT.extract({} if traceparent is None else {_TRACEPARENT: traceparent}, Context())


def _span_context(context: Context) -> SpanContext:
    return get_current_span(context).get_span_context()


def _traceparent(span: Span) -> str:
    carrier: dict[str, str] = {}
    _FORMAT.inject(carrier, set_span_in_context(span, Context()))
    return carrier[_TRACEPARENT]

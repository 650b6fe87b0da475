"""A collector of OpenTelemetry: takes spans over HTTP, and keeps them."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue


@dataclass(frozen=True, slots=True)
class Span:
    """A span as it arrived; ids are hexadecimal, `parent` and `links` are ids of spans."""

    service: str
    name: str
    trace: str
    id: str
    parent: str
    started_ns: int
    ended_ns: int
    links: tuple[str, ...]
    attributes: dict[str, str | int]


@dataclass
class Collector:
    """Where processes send their spans.

    Attributes:
        url: its endpoint.
        spans: in the order of arrival.
    """

    url: str
    spans: list[Span] = field(default_factory=list)

    def of_trace(self, trace: str) -> dict[str, Span]:
        """Return the spans of a trace by their names."""
        return {span.name: span for span in self.spans if span.trace == trace}

    def named(self, name: str) -> list[Span]:
        """Return the spans with a name."""
        return [span for span in self.spans if span.name == name]

    def take(self, body: bytes) -> None:
        """Keep the spans in the body of a call."""
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            service = str(_plain(resource.resource.attributes)["service.name"])
            for scope in resource.scope_spans:
                for span in scope.spans:
                    self.spans.append(
                        Span(
                            service=service,
                            name=span.name,
                            trace=span.trace_id.hex(),
                            id=span.span_id.hex(),
                            parent=span.parent_span_id.hex(),
                            started_ns=span.start_time_unix_nano,
                            ended_ns=span.end_time_unix_nano,
                            links=tuple(link.span_id.hex() for link in span.links),
                            attributes=_plain(span.attributes),
                        )
                    )


def _plain(attributes: "list[KeyValue]") -> dict[str, str | int]:
    return {one.key: getattr(one.value, str(one.value.WhichOneof("value"))) for one in attributes}


@contextmanager
def collecting() -> Iterator[Collector]:
    """Yield a running collector."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.path == "/v1/traces":
                collector.take(body)
            self.send_response(200 if self.path == "/v1/traces" else 404)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        collector = Collector(f"http://127.0.0.1:{server.server_address[1]}")
        serving = threading.Thread(target=server.serve_forever, daemon=True)
        serving.start()
        yield collector
        server.shutdown()
        serving.join()

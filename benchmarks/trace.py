"""Draws `docs/pictures/trace.svg`: the spans of one call, as a collector received them from real processes.

`python -m benchmarks.trace` runs RabbitMQ, Redis, an API and a worker; it draws the fifth call, because the first ones
meet cold caches.
"""

import re
import secrets
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx
import matplotlib as mpl
from matplotlib.figure import Figure

from tests.support.collector import Collector, Span, collecting
from tests.support.deployment import ROOT, Deployment
from tests.support.pictures import encoded, sample
from tests.support.servers import running_servers
from tests.support.waiting import wait_for

PICTURE = ROOT / "docs/pictures/trace.svg"
CALLS = 5
SPANS = 7
COLOURS = {"inference-api": "#2b6cb0", "inference-worker": "#c05621"}
STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "mnist-inference",
    "font.family": "sans-serif",
    "font.size": 10,
    "legend.frameon": False,
}


def main() -> None:
    """Record a trace and draw it."""
    with (
        tempfile.TemporaryDirectory() as folder,
        running_servers(Path(folder)) as (rabbitmq, redis),
        collecting() as collector,
        Deployment(
            Path(folder), amqp_url=rabbitmq.url, redis_url=redis.url, INFERENCE_OTLP_ENDPOINT=collector.url
        ) as deployment,
    ):
        api = deployment.api()
        deployment.worker().wait_until_ready()
        api.wait_until_ready()
        traces = [call(api.url) for _ in range(CALLS)]
        wait_for("the spans", lambda: len(spans_of(collector, traces[-1])) == SPANS + 1, 60)
    draw(spans_of(collector, traces[-1]), PICTURE)
    print(f"wrote {PICTURE.relative_to(ROOT)}")


def call(url: str) -> str:
    """Submit a picture and wait for its answer; return the id of the trace."""
    trace = secrets.token_hex(16)
    time.sleep(0.2)  # between two calls, so that each is alone
    response = httpx.post(
        f"{url}/models/mnist?wait=20",
        content=encoded(sample("seven")),
        headers={"traceparent": f"00-{trace}-{secrets.token_hex(8)}-01"},
        timeout=60,
    )
    response.raise_for_status()
    return trace


def spans_of(collector: Collector, trace: str) -> list[Span]:
    """Return the spans of a trace and the spans behind their links, in the order of their start."""
    own = [span for span in collector.spans if span.trace == trace]
    linked = {link for span in own for link in span.links}
    return sorted([*own, *(span for span in collector.spans if span.id in linked)], key=lambda one: one.started_ns)


def draw(spans: list[Span], path: Path) -> None:
    """Draw each span as a bar on a line of its own."""
    first_ns = min(span.started_ns for span in spans if span.name.startswith("POST"))
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(8, 3.4), layout="constrained")
        axes = figure.subplots()
        for line, span in enumerate(spans):
            starts_ms, takes_ms = (span.started_ns - first_ns) / 1e6, (span.ended_ns - span.started_ns) / 1e6
            axes.barh(line, takes_ms, left=starts_ms, height=0.6, color=COLOURS[span.service], label=span.service)
            end = (starts_ms + takes_ms, line)
            axes.annotate(f"{takes_ms:.1f} ms", end, (4, 0), textcoords="offset points", va="center", fontsize=9)
        axes.set_yticks(
            range(len(spans)), ["batch, a trace of its own" if span.name == "batch" else span.name for span in spans]
        )
        axes.invert_yaxis()
        axes.spines[["top", "right"]].set_visible(False)
        axes.set(xlabel="ms since the call arrived")
        axes.margins(x=0.12)
        handles, labels = axes.get_legend_handles_labels()
        by_label = dict(zip(labels, handles, strict=True))
        axes.legend(by_label.values(), by_label.keys(), loc="lower left")
        figure.savefig(path, format="svg", facecolor="white", metadata={"Date": None})
    # matplotlib leaves spaces at the ends of lines.
    path.write_text(re.sub(r" +$", "", path.read_text(), flags=re.MULTILINE))


if __name__ == "__main__":
    main()

"""RabbitMQ shows the metrics that the dashboard and the alerts ask for."""

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pika
import pytest

from tests.chart.test_queries import OF_RABBITMQ
from tests.support.servers import RabbitMQ, free_port
from tests.support.waiting import wait_for


@pytest.fixture
def shown(tmp_path: Path) -> Iterator[str]:
    """The text that Prometheus reads from a node with a queue, at both addresses of the chart."""
    port = free_port()
    config = f"prometheus.tcp.port = {port}\nprometheus.tcp.ip = 127.0.0.1\n"
    node = RabbitMQ(tmp_path / "node", config=config, plugins=["rabbitmq_prometheus"]).start()
    try:
        connection = pika.BlockingConnection(pika.URLParameters(node.url))
        connection.channel().queue_declare("mnist.jobs", durable=True, arguments={"x-queue-type": "quorum"})
        url = f"http://127.0.0.1:{port}/metrics"

        def read() -> str:
            pages = [httpx.get(url), httpx.get(f"{url}/detailed?family=queue_coarse_metrics")]
            text = "\n".join(page.text for page in pages if page.status_code == 200)
            return text if "rabbitmq_detailed_queue_messages{" in text else ""

        yield wait_for("the queue's messages", read, 60)
        connection.close()
    finally:
        node.close()


def test_rabbitmq_has_each_metric_with_its_labels(shown: str) -> None:
    found = dict(re.findall(r"^(\w+)(?:\{(.*)\})? ", shown, re.MULTILINE))

    for name, labels in OF_RABBITMQ.items():
        assert set(re.findall(r'(\w+)="', found[name])) >= labels, name

"""Each query of the dashboard and of the alerts asks for series that somebody has, by the labels that they have."""

import json
import re
from collections.abc import Iterator

import pytest

from tests.chart.alerts import alerts
from tests.chart.helm import NEEDS_HELM, objects, values
from tests.chart.registries import registries

pytestmark = NEEDS_HELM

#: Labels that Prometheus adds to each series that it scrapes.
TARGET = {"namespace", "pod", "job", "instance"}
#: Metrics of others, with the labels of their own. `tests/integration/test_broker_metrics.py` asks RabbitMQ.
OF_RABBITMQ: dict[str, set[str]] = {
    "rabbitmq_detailed_queue_messages": {"queue", "vhost"},
    "rabbitmq_alarms_memory_used_watermark": set(),
    "rabbitmq_alarms_free_disk_space_watermark": set(),
}
OF_OTHERS: dict[str, set[str]] = {
    "redis_memory_used_bytes": set(),
    "redis_memory_max_bytes": set(),
    "keda_scaler_detail_errors_total": {"exported_namespace", "scaledObject"},
    "keda_scaled_object_paused": {"exported_namespace", "scaledObject"},
    "kube_deployment_spec_replicas": {"deployment"},
    "kube_deployment_status_replicas_ready": {"deployment"},
    "kube_pod_container_status_waiting_reason": {"container", "reason"},
    "kube_pod_status_phase": {"phase"},
}
#: A metric by its name, or by a pattern of names, and the rules that it has for labels.
SELECTOR = re.compile(r"(?:\b([a-zA-Z_]\w*))?\{([^{}]*)\}")
NAMES = re.compile(r'__name__=~"([^"]*)"')
LABEL = re.compile(r'(\w+)\s*(?:=~|!~|!=|=)\s*"')
GROUPED = re.compile(r"\bby \(([\w, ]+)\)")


def ours() -> dict[str, set[str]]:
    """Return the labels of each metric of an API and of a worker, by the names of its series."""
    found: dict[str, set[str]] = {}
    for registry in registries():
        for sample in (sample for metric in registry.collect() for sample in metric.samples):
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


KNOWN = {**ours(), **OF_RABBITMQ, **OF_OTHERS}


def queries() -> dict[str, str]:
    """Return each query of the dashboard and of the alerts, by where it is."""
    everything = values("metrics.dashboard.enabled=true")
    [shown] = [found for found in objects(*everything) if found["metadata"]["name"].endswith("-dashboard")]
    [text] = shown["data"].values()
    dashboard = json.loads(text)
    found = {
        f"{panel['title']} {target['refId']}": target["expr"]
        for panel in dashboard["panels"]
        for target in panel["targets"]
    }
    found |= {f"${one['name']}": one["query"] for one in dashboard["templating"]["list"] if one["type"] == "query"}
    return found | {alert["alert"]: alert["expr"] for alert in alerts()}


def selected(query: str) -> Iterator[tuple[str, set[str]]]:
    """Yield each metric that a query asks for, with the labels that it compares."""
    for name, compared in SELECTOR.findall(query):
        labels = set(LABEL.findall(compared)) - {"__name__"}
        for one in [name] if name else expanded(NAMES.findall(compared)[0]):
            yield one, labels
    yield from ((name, set()) for name in re.findall(r"label_values\((\w+),", query))


def expanded(pattern: str) -> list[str]:
    """Return the known names that a pattern of names matches; each of its alternatives must match one."""
    names = [name for name in KNOWN if re.fullmatch(pattern, name)]
    assert len(names) >= pattern.count("|") + 1, pattern
    return names


@pytest.mark.parametrize("where", queries())
def test_a_query_asks_for_metrics_that_exist_by_labels_that_they_have(where: str) -> None:
    query = queries()[where]
    asked = list(selected(query))

    assert asked
    for name, labels in asked:
        assert name in KNOWN, name
        assert labels <= KNOWN[name] | TARGET, (name, labels)


@pytest.mark.parametrize("where", queries())
def test_a_query_groups_by_labels_of_its_metrics(where: str) -> None:
    query = queries()[where]
    groups = {label.strip() for labels in GROUPED.findall(query) for label in labels.split(",")}
    made = set(re.findall(r'label_replace\(.*?"(\w+)", "\$1"', query, re.DOTALL))

    assert groups <= made | TARGET | set().union(*(KNOWN[name] for name, _ in selected(query)))


def test_every_metric_of_somebody_else_in_the_table_is_asked_for() -> None:
    asked = {name for query in queries().values() for name, _ in selected(query)}

    assert asked >= OF_RABBITMQ.keys() | OF_OTHERS.keys()

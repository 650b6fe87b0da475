"""`docs/operations.md` has a line for every metric, an entry for every alert, and the chart's own names."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector

from tests.chart.helm import CHART, NAME, NEEDS_HELM, environment_of, objects, one, values
from tests.chart.registries import registries, sender_registry
from tests.chart.test_rendering import EVERYTHING
from tests.support.deployment import ROOT

OPERATIONS = (ROOT / "docs/operations.md").read_text()
TLS = values("tls.enabled=true", "tls.existingSecret=servers")
FOREIGN = ("rabbitmq_", "redis_", "keda_", "kube_")


def exported(registry: CollectorRegistry) -> set[str]:
    """Return the names under which a registry shows its metrics; a histogram's without `_bucket`."""
    return {f"{metric.name}_total" if metric.type == "counter" else metric.name for metric in registry.collect()}


def ours() -> dict[str, str]:
    """Return who exports each metric: the API, the worker or both."""
    api, worker = registries()
    for registry in api, worker:
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
    names = {"API": exported(api), "worker": exported(worker), "sender": exported(sender_registry())}
    both = names["API"] & names["worker"]
    return {name: "both" if name in both else who for who in names for name in names[who]}


def alerts() -> list[str]:
    return re.findall(r"- alert: (\w+)", (CHART / "templates/metrics/rules.yaml").read_text())


def entries() -> dict[str, str]:
    """Return the text under the heading of each alert."""
    (section,) = re.findall(r"^## Alerts\n(.*?)^## ", OPERATIONS, re.MULTILINE | re.DOTALL)
    _, *parts = re.split(r"^### ", section, flags=re.MULTILINE)
    return {part.partition("\n")[0]: part for part in parts}


def paths(tree: dict[str, Any], prefix: str = "") -> Iterator[str]:
    """Yield the dotted name of every value."""
    for key, value in tree.items():
        yield prefix + key
        if isinstance(value, dict):
            yield from paths(value, f"{prefix}{key}.")


def test_every_metric_has_one_line_that_says_whose_it_is() -> None:
    rows = re.findall(r"^\| `([a-z_]+)` \| (\w+) \|", OPERATIONS, flags=re.MULTILINE)
    listed = [(name, who) for name, who in rows if not name.startswith(FOREIGN)]

    assert sorted(listed) == sorted(ours().items())


def test_every_alert_has_an_entry_with_what_it_means_where_to_look_and_what_to_do() -> None:
    """The runbook and the rules have the same order."""
    assert list(entries()) == alerts()
    for alert, text in entries().items():
        for part in ("*Means*", "*Look*", "*Do*"):
            assert part in text, f"{alert}: {part}"


def test_every_value_that_it_names_is_one_of_the_chart() -> None:
    chart = yaml.safe_load((CHART / "values.yaml").read_text())
    named = re.findall(rf"`(?:--set )?((?:{'|'.join(chart)})\.[\w.]+)[`=]", OPERATIONS)

    assert named
    # The keys of a Secret, and a key of `resources`, whose content is Kubernetes'.
    foreign = {"tls.crt", "tls.key", "ca.crt", "worker.resources.claims"}
    assert set(named) - foreign <= set(paths(chart))


@NEEDS_HELM
def test_every_object_that_it_names_is_one_of_the_release() -> None:
    rendered = objects(*EVERYTHING)
    names = {found["metadata"]["name"] for found in rendered}
    pods = {f"{NAME}-redis-0", *(f"{NAME}-rabbitmq-{number}" for number in range(3))}
    named = set(re.findall(rf"{NAME}[a-z0-9-]*[a-z0-9]", OPERATIONS)) - {NAME}

    assert named
    assert named <= names | pods


@pytest.mark.parametrize("arguments", [(), TLS], ids=["plain", "TLS"])
@NEEDS_HELM
def test_the_lines_for_dead_letters_hand_the_passwords_to_the_command_on_standard_input(
    arguments: tuple[str, ...], tmp_path: Path
) -> None:
    """On a command line, everybody on the node could read them."""
    api = environment_of(one("Deployment", "api", *arguments))
    urls = {name: api[name] for name in ("INFERENCE_AMQP_URL", "INFERENCE_REDIS_URL")}
    [lines] = re.findall(r"```sh\n(.+?)```", entries()["InferenceDeadLetters"], re.DOTALL)
    stand_ins = """
        password() { printf "secret of $1"; }
        k() { echo "k $*" | head -n 1; while [ "$1" != -- ]; do shift; done; shift; "$@"; }
    """
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\necho "$INFERENCE_AMQP_URL $INFERENCE_REDIS_URL $*"\n')
    python.chmod(0o755)

    done = subprocess.run(
        ["sh", "-c", stand_ins + lines],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin", **urls},
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
    )

    called, seen = done.stdout.splitlines()
    assert called.startswith(f"k exec --stdin deployment/{NAME}-api -- ")
    amqp_url, redis_url = (url.replace("api:", "operator:", 1) for url in urls.values())
    amqp_url = amqp_url.replace("$(RABBITMQ_PASSWORD)", "secret of rabbitmq-operator-password")
    redis_url = redis_url.replace("$(REDIS_PASSWORD)", "secret of redis-operator-password")
    assert seen == f"{amqp_url} {redis_url} -m inference_api dead list"

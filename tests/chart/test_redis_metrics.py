"""`redis.metrics.enabled` brings an exporter with a user of its own, and Prometheus to it."""

import json
import re

import pytest

from tests.chart.alerts import alerts
from tests.chart.helm import CHART, NAME, NEEDS_HELM, Object, objects, one, pod_of, template, values

pytestmark = NEEDS_HELM
ON = values("redis.metrics.enabled=true")
SCRAPED = values("redis.metrics.enabled=true", "metrics.serviceMonitor.enabled=true")


def exporter(*arguments: str) -> Object:
    [found] = [
        each for each in pod_of(one("StatefulSet", "redis", *arguments))["containers"] if each["name"] == "metrics"
    ]
    return dict(found)


def environment(*arguments: str) -> dict[str, object]:
    return {each["name"]: each.get("value", each.get("valueFrom")) for each in exporter(*arguments)["env"]}


def test_without_it_nothing_of_it_is_there() -> None:
    assert "exporter" not in template()
    assert [each["name"] for each in one("Service", "redis")["spec"]["ports"]] == ["redis"]
    assert f"{NAME}-redis" not in [
        found["metadata"]["name"] for found in monitors("metrics.serviceMonitor.enabled=true")
    ]


def monitors(*settings: str) -> list[Object]:
    return [found for found in objects(*values(*settings)) if found["kind"] == "ServiceMonitor"]


def test_the_exporter_logs_in_as_a_user_of_its_own() -> None:
    password = {"secretKeyRef": {"name": f"{NAME}-auth", "key": "redis-exporter-password"}}
    secret = one("Secret", "auth", *ON)["data"]
    acl = one("ConfigMap", "redis", *ON)["data"]

    assert environment(*ON)["REDIS_USER"] == "exporter"
    assert environment(*ON)["REDIS_PASSWORD"] == password
    assert "redis-exporter-password" in secret
    assert "user exporter on >@EXPORTER_PASSWORD@" in acl["users.acl"]
    assert "s/@EXPORTER_PASSWORD@/$EXPORTER_PASSWORD/g" in acl["fill-in.sh"]


@pytest.mark.parametrize(
    ("settings", "address"),
    [
        ((), "redis://localhost:6379"),
        (("tls.enabled=true", "tls.existingSecret=servers"), "rediss://localhost:6379"),
    ],
)
def test_the_exporter_asks_the_redis_beside_it(settings: tuple[str, ...], address: str) -> None:
    assert environment(*ON, *values(*settings))["REDIS_ADDR"] == address


def test_redis_stays_the_pods_first_container() -> None:
    """`kubectl exec` takes the first."""
    everything = (*ON, *values("tls.enabled=true", "tls.existingSecret=servers"))
    names = [each["name"] for each in pod_of(one("StatefulSet", "redis", *everything))["containers"]]

    assert names == ["redis", "reload-certificate", "metrics"]


def test_its_image_comes_from_the_registry_of_all_images() -> None:
    assert exporter(*ON)["image"].startswith("oliver006/redis_exporter:v")
    assert exporter(*ON, *values("global.imageRegistry=registry.example.com"))["image"].startswith(
        "registry.example.com/oliver006/redis_exporter:v"
    )


def test_prometheus_is_told_of_its_port() -> None:
    [port] = [each for each in one("Service", "redis", *SCRAPED)["spec"]["ports"] if each["name"] == "metrics"]

    assert port == {"name": "metrics", "port": 9121, "targetPort": "metrics"}
    assert one("ServiceMonitor", "redis", *SCRAPED)["spec"]["endpoints"] == [{"port": "metrics", "interval": "15s"}]
    assert exporter(*ON)["ports"] == [{"name": "metrics", "containerPort": 9121}]


@pytest.mark.parametrize(
    "settings", [("redis.metrics.enabled=false",), ("redis.enabled=false", "externalRedis.existingSecret=store")]
)
def test_without_an_exporter_no_alert_asks_for_its_metrics(settings: tuple[str, ...]) -> None:
    assert not [alert for alert in alerts(*settings) if "redis_" in alert["expr"]]
    assert f"{NAME}-redis" not in [
        found["metadata"]["name"]
        for found in monitors("metrics.serviceMonitor.enabled=true", "redis.metrics.enabled=true", *settings)
    ]


def test_the_dashboard_shows_redis_memory_beside_its_limit() -> None:
    panels = json.loads((CHART / "files/dashboard.json").read_text())["panels"]
    [panel] = [panel for panel in panels if panel["title"] == "Redis's memory"]
    asked = [re.findall(r"\bredis_\w+", target["expr"]) for target in panel["targets"]]

    assert asked == [["redis_memory_used_bytes"], ["redis_memory_max_bytes"]]

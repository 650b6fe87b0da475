"""How the API is reached from outside of the cluster, and how it scales."""

import pytest

from tests.chart.helm import NEEDS_HELM, Object, numbers, one, refusal, values

pytestmark = NEEDS_HELM


def service(*settings: str) -> Object:
    return dict(one("Service", "api", *values(*(f"api.service.{setting}" for setting in settings)))["spec"])


def test_the_api_may_have_a_port_on_every_node() -> None:
    assert service("type=NodePort", "nodePort=30080")["ports"] == [
        {"name": "http", "port": 8000, "targetPort": "http", "nodePort": 30080}
    ]


def test_a_load_balancer_has_a_class_source_ranges_and_a_traffic_policy() -> None:
    spec = service(
        "type=LoadBalancer",
        "loadBalancerClass=example.org/internal",
        "loadBalancerSourceRanges={192.0.2.0/24,2001:db8::/32}",
        "externalTrafficPolicy=Local",
    )

    assert spec["loadBalancerClass"] == "example.org/internal"
    assert spec["loadBalancerSourceRanges"] == ["192.0.2.0/24", "2001:db8::/32"]
    assert spec["externalTrafficPolicy"] == "Local"


def test_a_service_without_values_leaves_all_that_to_kubernetes() -> None:
    assert set(service()) == {"type", "selector", "ports"}
    assert set(service()["ports"][0]) == {"name", "port", "targetPort"}


@pytest.mark.parametrize("kind", ["ClusterIP", "NodePort"])
@pytest.mark.parametrize("setting", ["loadBalancerClass=a", "loadBalancerSourceRanges={192.0.2.0/24}"])
def test_only_a_load_balancer_has_its_values(setting: str, kind: str) -> None:
    message = refusal(f"api.service.type={kind}", f"api.service.{setting}")

    assert f"api.service.{setting.partition('=')[0]} is" in message
    assert f"type {kind}" in message


@pytest.mark.parametrize("setting", ["nodePort=30080", "externalTrafficPolicy=Local"])
def test_a_service_inside_the_cluster_has_nothing_on_the_nodes(setting: str) -> None:
    assert f"api.service.{setting.partition('=')[0]} is" in refusal(f"api.service.{setting}")


@pytest.mark.parametrize(
    "setting",
    ["nodePort=70000", "externalTrafficPolicy=local", "loadBalancerSourceRanges={everybody}", "labels.a=two words"],
)
def test_a_wrong_value_of_the_service_is_refused_by_name(setting: str) -> None:
    name = setting.partition("=")[0].replace(".", "/")
    assert f"/api/service/{name}" in refusal("api.service.type=LoadBalancer", f"api.service.{setting}")


def autoscaler(*arguments: str) -> Object:
    return dict(one("HorizontalPodAutoscaler", "api", *values("api.autoscaling.enabled=true"), *arguments)["spec"])


def test_the_api_may_scale_by_memory_too() -> None:
    both = autoscaler(*values("api.autoscaling.targetMemoryUtilization=75"))["metrics"]

    targets = {metric["resource"]["name"]: metric["resource"]["target"]["averageUtilization"] for metric in both}
    assert targets == {"cpu": 70, "memory": 75}
    assert len(autoscaler()["metrics"]) == 1


def test_the_api_scales_as_its_behavior_says() -> None:
    behavior = autoscaler(*numbers('api.autoscaling.behavior={"scaleDown":{"stabilizationWindowSeconds":0}}'))[
        "behavior"
    ]

    assert behavior == {"scaleDown": {"stabilizationWindowSeconds": 0}}
    assert "behavior" not in autoscaler()
    assert "/api/autoscaling/behavior" in refusal("api.autoscaling.behavior.scale=up")

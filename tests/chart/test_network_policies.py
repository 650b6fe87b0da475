"""The NetworkPolicies allow every connection that the code makes, at both ends, and no other.

No network enforces them here: `network.py` decides by Kubernetes' rules.
"""

from itertools import chain
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.chart.connections import CASES, CONNECTIONS, Case
from tests.chart.helm import NAME, NEEDS_HELM, Object, environment_of, pod_of, values, workloads
from tests.chart.network import HOME, OTHER_PORT, Edge, End, let_in, let_out, pods_of

pytestmark = NEEDS_HELM

COMPONENT = "app.kubernetes.io/component"
EVERYWHERE = frozenset({("TCP", 53), ("UDP", 53), ("TCP", 5353), ("UDP", 5353), ("TCP", 443), ("TCP", 6443)})
ANY_PORT = EVERYWHERE | {("TCP", OTHER_PORT)}

KEDA = End("keda", "keda", {"app": "keda-operator"}, open=ANY_PORT)
PROMETHEUS = End("prometheus", "monitoring", {"app": "prometheus"}, open=ANY_PORT)
NEIGHBOUR = End("neighbour", HOME, {"app": "neighbour"}, open=ANY_PORT)
CLIENT = End("client", "shop", {"app": "shop"}, open=ANY_PORT)
INTERNET = End("internet", address="198.51.100.7", open=ANY_PORT)
KUBERNETES = End("kubernetes", address="10.96.0.1", open=frozenset({("TCP", 443), ("TCP", 6443)}))
OUTSIDE = (KEDA, PROMETHEUS, NEIGHBOUR, CLIENT, INTERNET, KUBERNETES)

_DNS = frozenset({("TCP", 53), ("UDP", 53)})
#: Where clusters have their DNS: in pods, on the node, and at the address of a Service that stays the packet's own.
RESOLVERS = (
    End("coredns", "kube-system", {"k8s-app": "kube-dns"}, open=_DNS),
    End("openshift-dns", "openshift-dns", {}, open=frozenset({("TCP", 5353), ("UDP", 5353)})),
    End("node-local-dns", address="169.254.20.10", open=_DNS),
    End("kubespray-dns", address="169.254.25.10", open=_DNS),
    End("google-cloud-dns", address="169.254.169.254", open=_DNS),
    End("dns-service", address="10.96.0.10", open=_DNS),
    End("google-dns-service", address="34.118.224.10", open=_DNS),
    End("ipv6-dns-service", address="fd00:10:96::a", open=_DNS),
)


each_case = pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())


def component_of(end: End) -> str:
    """Return a pod's component, or the name of an end outside the release."""
    return end.labels.get(COMPONENT, end.name)


def expected(case: Case, pods: list[End]) -> set[Edge]:
    """Return the edges of the connections that the code makes."""
    edges = set()
    for made in CONNECTIONS:
        if made.needs <= case.facts:
            edges |= {
                Edge(source.name, target.name, "TCP", target.names[made.port])
                for source in (*pods, *OUTSIDE)
                for target in pods
                if (component_of(source), component_of(target)) == (made.source, made.target)
            }
    return edges


def to_everywhere(case: Case, source: End, targets: list[End]) -> set[Edge]:
    """Return the edges that cannot be told apart: to an address that the chart does not know."""
    component = component_of(source)
    needs = {"api": {"rabbitmq", "redis"}, "worker": {"rabbitmq", "redis"}, "webhooks": {"redis"}}
    unknown = component in needs and not needs[component] <= case.facts
    ports = {443, 6443} if component == "worker" and "busy" in case.facts else set()
    return {
        Edge(source.name, target.name, *port)
        for target in targets
        for port in target.open
        if unknown or port[1] in ports or (component == "webhooks" and (target, port[1]) == (INTERNET, 443))
    }


def resolving(source: End) -> set[Edge]:
    """Return the questions to a DNS; Redis asks none."""
    asks = component_of(source) != "redis"
    return {Edge(source.name, each.name, *port) for each in RESOLVERS for port in each.open if asks}


@each_case
def test_a_pod_reaches_what_the_code_connects_to_and_nothing_else(case: Case) -> None:
    rendered = case.rendered()
    pods = pods_of(rendered)
    targets = [*pods, *OUTSIDE, *RESOLVERS]
    known = expected(case, pods)

    for source in pods:
        if component_of(source) != "test":
            mine = {edge for edge in known if edge.source == source.name}
            allowed = mine | resolving(source) | to_everywhere(case, source, targets)
            assert let_out(rendered, source, targets) == allowed


@each_case
def test_a_pod_is_reached_by_whom_the_code_connects_from_and_nobody_else(case: Case) -> None:
    rendered = case.rendered()
    pods = pods_of(rendered)
    sources = [*pods, *OUTSIDE, *RESOLVERS]
    known = expected(case, pods)

    for target in pods:
        mine = {edge for edge in known if edge.target == target.name}
        if component_of(target) == "api":
            # Anybody may be a client.
            mine |= {Edge(each.name, "api", "TCP", target.names["http"]) for each in sources}
        if component_of(target) != "test":
            assert let_in(rendered, target, sources) == mine


def addresses(rendered: list[Object]) -> set[tuple[str, str, int]]:
    """Return every address of the release that its objects give out: to which component, host and port."""
    found: set[tuple[str, str, int]] = set()
    for workload in (found for found in rendered if found["kind"] in {"Deployment", "Pod"}):
        environment = environment_of(workload)
        names = ("INFERENCE_AMQP_URL", "INFERENCE_REDIS_URL", "API_URL", "MANAGEMENT_URLS", "REDIS_ADDRESS")
        urls = " ".join(environment.get(name, "") for name in names).split()
        labels = (workload["spec"].get("template") or workload)["metadata"]["labels"]
        found |= {(labels[COMPONENT], *_host_and_port(url)) for url in urls if NAME in url}
    for trigger in chain.from_iterable(o["spec"]["triggers"] for o in rendered if o["kind"] == "ScaledObject"):
        url = trigger["metadata"].get("host") or trigger["metadata"]["url"]
        found |= {("keda", *_host_and_port(url))} if NAME in url else set()
    return found


def _host_and_port(url: str) -> tuple[str, int]:
    parts = urlsplit(url if "//" in url else f"//{url}")
    assert parts.hostname
    assert parts.port
    return parts.hostname, parts.port


def behind(rendered: list[Object], host: str, port: int) -> tuple[str, str]:
    """Return the component and the container's port behind an address of a Service, or of a pod in a headless one."""
    services = {f["metadata"]["name"]: f for f in rendered if f["kind"] == "Service"}
    first, *rest = host.split(".")
    name = first if first in services else rest[0]
    spec = services[name]["spec"]
    component: str = spec["selector"][COMPONENT]
    if spec.get("clusterIP") == "None":
        return component, _named_port(rendered, component, port)
    [target] = [each["targetPort"] for each in spec["ports"] if each["port"] == port]
    return component, str(target)


def _named_port(rendered: list[Object], component: str, number: int) -> str:
    [pod] = [pod for pod in pods_of(rendered) if component_of(pod) == component]
    [name] = [name for name, value in pod.names.items() if value == number]
    return name


@each_case
def test_every_address_that_is_given_out_is_one_of_the_connections(case: Case) -> None:
    rendered = case.rendered()
    given = {(source, *behind(rendered, host, port)) for source, host, port in addresses(rendered)}
    listed = {(made.source, made.target, made.port) for made in CONNECTIONS if made.needs <= case.facts}
    among_themselves = {made for made in listed if made[0] in {"rabbitmq", "prometheus"}}

    assert given == listed - among_themselves


def scraped(rendered: list[Object]) -> set[tuple[str, str, str]]:
    """Return what Prometheus is told to ask."""
    found = set()
    for monitor in rendered:
        if monitor["kind"] in {"ServiceMonitor", "PodMonitor"}:
            spec = monitor["spec"]
            for each in spec.get("endpoints") or spec["podMetricsEndpoints"]:
                found.add(("prometheus", spec["selector"]["matchLabels"][COMPONENT], each["port"]))
    return found


@each_case
def test_prometheus_is_told_to_ask_where_it_is_let_in(case: Case) -> None:
    listed = {(made.source, made.target, made.port) for made in CONNECTIONS if made.needs <= case.facts}

    assert scraped(case.rendered()) == {made for made in listed if made[0] == "prometheus"}


@each_case
def test_every_pod_but_the_one_of_the_test_has_a_policy(case: Case) -> None:
    rendered = case.rendered()
    with_policy = {f["metadata"]["labels"][COMPONENT] for f in rendered if f["kind"] == "NetworkPolicy"}

    assert with_policy == {component_of(pod) for pod in pods_of(rendered)} - {"test"}


def test_callers_of_the_api_can_be_named() -> None:
    named = values("networkPolicy.apiFrom[0].namespaceSelector.matchLabels.kubernetes\\.io/metadata\\.name=shop")
    rendered = Case(named).rendered()
    [api] = [pod for pod in pods_of(rendered) if component_of(pod) == "api"]
    [test] = [pod for pod in pods_of(rendered) if component_of(pod) == "test"]

    edges = let_in(rendered, api, [*OUTSIDE, test])

    assert {edge.source for edge in edges} == {"client", "test"}
    assert {edge.port for edge in edges} == {api.names["http"]}


@pytest.mark.parametrize("component", ["api", "worker", "rabbitmq", "redis"])
@pytest.mark.parametrize("direction", ["ingress", "egress"])
def test_rules_can_be_added_to_one_component(component: str, direction: str) -> None:
    rule: dict[str, Any] = {"ports": [{"port": 4317}]}
    added = values(f"networkPolicy.extra{direction.title()}.{component}[0].ports[0].port=4317")
    policies = {
        f["metadata"]["labels"][COMPONENT]: f["spec"] for f in Case(added).rendered() if f["kind"] == "NetworkPolicy"
    }

    assert [each for each, spec in policies.items() if rule in spec[direction]] == [component]
    assert all(rule not in spec[other] for spec in policies.values() for other in {"ingress", "egress"} - {direction})


def test_the_place_of_the_dns_can_be_named() -> None:
    named = values("networkPolicy.dns.to[0].ipBlock.cidr=203.0.113.53/32", "networkPolicy.dns.ports={53}")
    rendered = Case(named).rendered()
    elsewhere = End("elsewhere", address="203.0.113.53", open=EVERYWHERE)
    [api] = [pod for pod in pods_of(rendered) if component_of(pod) == "api"]

    assert let_out(rendered, api, [elsewhere, *RESOLVERS, *OUTSIDE]) == {
        Edge("api", "elsewhere", protocol, 53) for protocol in ("TCP", "UDP")
    }


def test_the_pods_declare_each_port_name_once() -> None:
    """A policy and a Service find a port by its name."""
    for workload in workloads():
        names = [port["name"] for each in pod_of(workload)["containers"] for port in each.get("ports", [])]
        assert len(names) == len(set(names))

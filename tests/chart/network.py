"""A network that enforces policies: the connections that rendered NetworkPolicies let through, as Kubernetes says."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from tests.chart.helm import NAME, Object, pod_of

#: The release's namespace.
HOME = "default"
#: A port that no container of the release opens.
OTHER_PORT = 9999


@dataclass(frozen=True)
class End:
    """An end of a connection: a pod, or an address outside the cluster.

    `open` holds the ports that a connection to it may have, as (protocol, number); `names` the numbers by name.
    """

    name: str
    namespace: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    address: str | None = None
    names: Mapping[str, int] = field(default_factory=dict)
    open: frozenset[tuple[str, int]] = frozenset()

    @property
    def is_pod(self) -> bool:
        """Whether selectors apply; they do not for pods in the network of their node."""
        return self.address is None


@dataclass(frozen=True, order=True)
class Edge:
    """A connection between two ends, by their names."""

    source: str
    target: str
    protocol: str
    port: int


def pods_of(objects: Iterable[Object]) -> list[End]:
    """Return an end for all pods of each rendered workload, under its name without the release's."""
    return [_pod(found) for found in objects if found["kind"] in {"Deployment", "StatefulSet", "Pod"}]


def _pod(workload: Object) -> End:
    metadata = workload["spec"]["template"]["metadata"] if "template" in workload["spec"] else workload["metadata"]
    containers = pod_of(workload)["containers"]
    names = {port["name"]: port["containerPort"] for each in containers for port in each.get("ports", [])}
    reachable = frozenset(("TCP", number) for number in (*names.values(), OTHER_PORT))
    name = workload["metadata"]["name"].removeprefix(f"{NAME}-")
    return End(name, HOME, metadata["labels"], None, names, reachable)


def let_out(objects: Iterable[Object], source: End, targets: Iterable[End]) -> set[Edge]:
    """Return the connections from a pod that its own policies allow."""
    rules = _rules(objects, source, "Egress")
    return {edge for target in targets for edge in _allowed(rules, "to", source, target)}


def let_in(objects: Iterable[Object], target: End, sources: Iterable[End]) -> set[Edge]:
    """Return the connections to a pod that its own policies allow."""
    rules = _rules(objects, target, "Ingress")
    return {edge for source in sources for edge in _allowed(rules, "from", source, target)}


def _allowed(rules: list[Object], side: str, source: End, target: End) -> Iterator[Edge]:
    """Yield the connections between two ends that a rule allows; its peer is the end of its `side`."""
    peer = target if side == "to" else source
    for port in target.open:
        if any(_has_peer(rule.get(side), peer) and _has_port(rule.get("ports"), target, port) for rule in rules):
            yield Edge(source.name, target.name, *port)


def _rules(objects: Iterable[Object], pod: End, direction: str) -> list[Object]:
    """Return the rules for a pod in one direction; an empty rule, which allows all, where no policy selects it."""
    specs = [found["spec"] for found in objects if found["kind"] == "NetworkPolicy"]
    binding = [spec for spec in specs if direction in spec["policyTypes"] and _selects(spec["podSelector"], pod.labels)]
    return [rule for spec in binding for rule in spec[direction.lower()]] if binding else [{}]


def _has_peer(peers: list[Object] | None, end: End) -> bool:
    return not peers or any(_is_peer(peer, end) for peer in peers)


def _is_peer(peer: Object, end: End) -> bool:
    """Say whether a peer means an end; an ipBlock means no pod, as some networks have it."""
    if "ipBlock" in peer:
        return end.address is not None and _is_in(ip_address(end.address), peer["ipBlock"])
    if not end.is_pod:
        return False
    if "namespaceSelector" not in peer:
        return end.namespace == HOME and _selects(peer["podSelector"], end.labels)
    of_namespace = {"kubernetes.io/metadata.name": str(end.namespace)}
    return _selects(peer["namespaceSelector"], of_namespace) and _selects(peer.get("podSelector", {}), end.labels)


def _is_in(address: IPv4Address | IPv6Address, block: Object) -> bool:
    excepted = any(address in ip_network(cidr) for cidr in block.get("except", []))
    return address in ip_network(block["cidr"]) and not excepted


def _has_port(ports: list[Object] | None, target: End, port: tuple[str, int]) -> bool:
    return not ports or any(each == port for each in _numbers(ports, target))


def _numbers(ports: list[Object], target: End) -> Iterator[tuple[str, int]]:
    for each in ports:
        number = target.names.get(each["port"]) if isinstance(each["port"], str) else each["port"]
        if number is not None:
            yield each.get("protocol", "TCP"), number


def _selects(selector: Object, labels: Mapping[str, str]) -> bool:
    """Say whether a selector selects labels; of the expressions, the chart uses `In`."""
    unknown = set(selector) - {"matchLabels", "matchExpressions"}
    assert not unknown, unknown
    expressions = selector.get("matchExpressions", [])
    assert all(each["operator"] == "In" for each in expressions), expressions
    return all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items()) and all(
        labels.get(each["key"]) in each["values"] for each in expressions
    )

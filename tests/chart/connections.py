"""The connections that the code makes, and the releases for which the NetworkPolicies must allow them."""

from dataclasses import dataclass, field

from tests.chart.helm import Object, objects, values
from tests.chart.series import EXTERNAL
from tests.chart.spec_files import add_model


@dataclass(frozen=True)
class Connection:
    """A connection that the code makes from a component to a port, in releases for which all it `needs` is true."""

    source: str
    target: str
    port: str
    needs: frozenset[str] = frozenset()


def _connection(source: str, target: str, port: str, *needs: str) -> Connection:
    return Connection(source, target, port, frozenset(needs))


CONNECTIONS = (
    _connection("api", "rabbitmq", "amqp", "rabbitmq"),
    _connection("worker", "rabbitmq", "amqp", "rabbitmq"),
    _connection("api", "redis", "redis", "redis"),
    _connection("worker", "redis", "redis", "redis"),
    _connection("webhooks", "redis", "redis", "redis", "webhooks"),
    _connection("rabbitmq", "rabbitmq", "epmd", "rabbitmq"),
    _connection("rabbitmq", "rabbitmq", "distribution", "rabbitmq"),
    _connection("keda", "rabbitmq", "management", "rabbitmq", "queue"),
    _connection("keda", "api", "operations", "wait"),
    _connection("prometheus", "api", "operations", "monitored"),
    _connection("prometheus", "worker", "probes", "monitored"),
    _connection("prometheus", "webhooks", "operations", "monitored", "webhooks"),
    _connection("prometheus", "rabbitmq", "prometheus", "rabbitmq", "monitored"),
    _connection("prometheus", "redis", "metrics", "redis", "monitored", "exporter"),
    _connection("test", "api", "http"),
    _connection("test", "rabbitmq", "management", "rabbitmq"),
    _connection("test", "redis", "redis", "redis"),
)


@dataclass(frozen=True)
class Case:
    """Values, and the facts of the release that follow from them."""

    arguments: tuple[str, ...] = ()
    facts: frozenset[str] = field(default_factory=lambda: frozenset({"rabbitmq", "redis", "queue"}))

    def rendered(self) -> list[Object]:
        """Return the objects with policies."""
        return objects(*values("networkPolicy.enabled=true"), *self.arguments)


def _case(*settings: str, add: str = "", remove: str = "", more: tuple[str, ...] = ()) -> Case:
    facts = (Case().facts | set(add.split())) - set(remove.split())
    return Case(values(*settings) + more, facts)


MONITORED = (
    "networkPolicy.monitoringNamespace=monitoring",
    "metrics.serviceMonitor.enabled=true",
    "metrics.podMonitor.enabled=true",
)
TLS = ("tls.enabled=true", "tls.existingSecret=servers")
POOLS = values("models.voice.pools.spot.replicas=1", "models.voice.worker.settings.INFERENCE_PROBE_PORT=8082")

CASES = {
    "default": _case(),
    "three nodes": _case("rabbitmq.replicas=3"),
    "monitored": _case(*MONITORED, add="monitored"),
    "monitored with an exporter": _case(*MONITORED, "redis.metrics.enabled=true", add="monitored exporter"),
    "exporter, no monitoring": _case("redis.metrics.enabled=true", add="exporter"),
    "wait": _case("autoscaling.source=wait", add="wait", remove="queue"),
    "wait, monitored": _case("autoscaling.source=wait", *MONITORED, add="wait monitored", remove="queue"),
    "no autoscaling": _case("autoscaling.enabled=false", remove="queue"),
    "TLS": _case(*TLS, "rabbitmq.replicas=3"),
    "TLS, wait, everything monitored": _case(
        *TLS,
        *MONITORED,
        "redis.metrics.enabled=true",
        "autoscaling.source=wait",
        add="wait monitored exporter",
        remove="queue",
    ),
    "protectBusy": _case("worker.protectBusy=true", add="busy"),
    "webhooks": _case("webhooks.existingSecret=hooks", add="webhooks"),
    "webhooks, monitored": _case("webhooks.existingSecret=hooks", *MONITORED, add="webhooks monitored"),
    "webhooks, Redis elsewhere": _case(
        "webhooks.existingSecret=hooks",
        "redis.enabled=false",
        "externalRedis.existingSecret=store",
        add="webhooks",
        remove="redis",
    ),
    "RabbitMQ elsewhere": _case(*EXTERNAL, *MONITORED, add="monitored", remove="rabbitmq queue"),
    "Redis elsewhere": _case("redis.enabled=false", "externalRedis.existingSecret=store", remove="redis"),
    "several models and pools": _case(*MONITORED, add="monitored", more=POOLS + add_model("voice")),
}

"""The Prometheus metrics of the sender of webhooks."""

from collections.abc import Iterable, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge

from inference_bridge.contract import Hooks
from inference_bridge.errors import StoreUnavailable
from inference_bridge.hooks import Try

OUTCOMES = ("delivered", "failed", "dead")


class HookMetrics:
    """Counts tries by their outcome, and reads the waiting webhooks at each scrape.

    Args:
        registry: keeps the metrics.
        hooks: the webhooks of each model by its name.
    """

    def __init__(self, registry: CollectorRegistry, hooks: Mapping[str, Hooks]) -> None:
        labels = ["model", "endpoint"]
        text = "Tries: delivered, failed (another try follows) or dead (none follows)"
        self._tries = Counter("inference_webhook_tries", text, [*labels, "outcome"], registry=registry)
        self._waiting = Gauge("inference_webhooks_waiting", "Webhooks that wait for a try", labels, registry=registry)
        text = "Seconds since the first waiting webhook became due, 0 if none is"
        self._overdue_s = Gauge("inference_webhook_overdue_seconds", text, labels, registry=registry)
        self._hooks = hooks

    def count(self, model: str, endpoint: str, tried: Try) -> None:
        """Count a try."""
        outcome = "delivered" if not tried.error else "dead" if tried.retry_s is None else "failed"
        for one in OUTCOMES:  # each begins at 0, because Prometheus sees no increase in a counter that begins at 1
            self._tries.labels(model, endpoint, one).inc(one == outcome)

    async def refresh(self, endpoints: Iterable[str]) -> None:
        """Read the waiting webhooks; they are absent while the store does not answer."""
        self._waiting.clear()
        self._overdue_s.clear()
        try:
            for endpoint in endpoints:
                for model, hooks in self._hooks.items():
                    backlog = await hooks.backlog(endpoint)
                    self._waiting.labels(model, endpoint).set(backlog.count)
                    self._overdue_s.labels(model, endpoint).set(backlog.overdue_s)
        except StoreUnavailable:
            return

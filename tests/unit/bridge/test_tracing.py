import subprocess
import sys

import pytest

from inference_bridge.errors import ConfigurationError
from inference_bridge.settings import BridgeSettings
from inference_bridge.wiring import open_tracer

ENDPOINT = "http://127.0.0.1:4318"


def test_without_an_endpoint_nothing_that_makes_or_sends_spans_is_loaded() -> None:
    """redis-py by itself loads the SDK's metrics where they are installed."""
    program = (
        "import sys, inference_api.process\n"
        "from inference_bridge.settings import BridgeSettings\n"
        "from inference_bridge.wiring import open_tracer\n"
        "with open_tracer(BridgeSettings(), service='api') as tracer:\n"
        "    spans = 'opentelemetry.sdk.trace', 'opentelemetry.exporter', 'inference_bridge.tracing'\n"
        "    print(tracer, [name for name in sys.modules if name.startswith(spans)])"
    )

    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)

    assert answer.stdout.strip() == "None []"


def test_an_endpoint_without_the_packages_is_a_wrong_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "inference_bridge.tracing", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)

    with (
        pytest.raises(ConfigurationError, match=r"install mnist-inference-bridge\[tracing\]"),
        open_tracer(BridgeSettings(otlp_endpoint=ENDPOINT), service="api"),
    ):
        pass


@pytest.mark.parametrize(
    "endpoint", ["collector:4318", "grpc://collector:4317", "http://", "http://a b", "http://a?b=c"]
)
def test_an_endpoint_that_is_not_a_base_url_is_refused(endpoint: str) -> None:
    with pytest.raises(ValueError, match="otlp_endpoint"):
        BridgeSettings(otlp_endpoint=endpoint)


@pytest.mark.parametrize("endpoint", ["", ENDPOINT, "https://collector.example/otlp", "http://[::1]:4318/"])
def test_a_base_url_is_taken(endpoint: str) -> None:
    assert BridgeSettings(otlp_endpoint=endpoint).otlp_endpoint == endpoint

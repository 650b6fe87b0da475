"""The notes after an installation."""

import shutil
from pathlib import Path

import pytest

from tests.chart.helm import CHART, KUBERNETES, NEEDS_HELM, RELEASE, helm, values

pytestmark = NEEDS_HELM
INGRESS = values("api.ingress.enabled=true", "api.ingress.hosts={a.example.org,b.example.org}")
TLS = values("api.ingress.tls[0].hosts={a.example.org}", "api.ingress.tls[0].secretName=a")
ROUTE = values("api.httpRoute.enabled=true", "api.httpRoute.parentRefs[0].name=gateway")


@pytest.fixture
def chart(tmp_path: Path) -> Path:
    """A copy of the chart that renders its notes as a manifest; Helm prints notes only with a cluster."""
    chart = tmp_path / "mnist-inference"
    shutil.copytree(CHART, chart)
    shutil.move(chart / "templates/NOTES.txt", chart / "notes.txt")
    (chart / "templates/notes.yaml").write_text('notes: |\n  {{- tpl (.Files.Get "notes.txt") . | nindent 2 }}\n')
    return chart


def notes(chart: Path, *arguments: str) -> str:
    done = helm(
        "template", RELEASE, str(chart), "--kube-version", KUBERNETES, "--show-only", "templates/notes.yaml", *arguments
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_they_use_nothing_but_what_the_release_has(chart: Path) -> None:
    said = notes(chart)

    assert "http://127.0.0.1:8000/models/mnist/example" in said
    assert "samples/" not in said
    assert "outside" not in said


def test_they_name_each_host_of_an_ingress(chart: Path) -> None:
    said = notes(chart, *INGRESS, *TLS, *values("api.settings.INFERENCE_PATH_PREFIX=/digits"))

    assert "\n    https://a.example.org/digits/models\n" in said
    assert "\n    http://b.example.org/digits/models\n" in said


def test_they_name_the_hosts_of_an_httproute(chart: Path) -> None:
    assert "get httproute digits-mnist-inference-api" in notes(chart, *ROUTE)
    assert "https://a.example.org/models" in notes(chart, *ROUTE, *values("api.httpRoute.hostnames={a.example.org}"))


def test_they_warn_where_prometheus_reaches_nothing(chart: Path) -> None:
    scraped = values("networkPolicy.enabled=true", "metrics.serviceMonitor.enabled=true")

    assert "Prometheus reaches no pod of the release" in notes(chart, *scraped)
    assert "Prometheus" not in notes(chart, *scraped, *values("networkPolicy.monitoringNamespace=monitoring"))

"""Helm 3 and 4 take the chart with every values file, and Kubernetes would take what they render."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.chart.helm import CHART, HELMS, KUBERNETES, NEEDS_HELM, VALUES_FILES, helm, kinds, objects, template, values
from tests.chart.spec_files import add_model
from tests.support.deployment import ROOT

pytestmark = NEEDS_HELM
SCHEMAS = os.environ.get("KUBERNETES_SCHEMAS")
"""The folder with the JSON schemas of Kubernetes and KEDA, for a kubeconform that reaches no network."""
EVERYTHING = values(
    "api.autoscaling.enabled=true",
    "api.podDisruptionBudget.enabled=true",
    "api.ingress.enabled=true",
    "api.ingress.hosts={digits.example.org}",
    "api.httpRoute.enabled=true",
    "api.httpRoute.parentRefs[0].name=gateway",
    "api.keys.existingSecret=clients",
    "webhooks.existingSecret=hooks",
    "ca.existingSecret=ca",
    "tls.enabled=true",
    "tls.certManager.enabled=true",
    "redis.metrics.enabled=true",
    "rabbitmq.replicas=3",
    "rabbitmq.podDisruptionBudget.enabled=true",
    "worker.protectBusy=true",
    "networkPolicy.enabled=true",
    "networkPolicy.monitoringNamespace=monitoring",
    "metrics.serviceMonitor.enabled=true",
    "metrics.podMonitor.enabled=true",
    "metrics.rules.enabled=true",
    "metrics.dashboard.enabled=true",
    "models.voice.pools.spot.replicas=1",
) + add_model("voice")
EVERY_FILE = ("--values", str(Path(__file__).with_name("everything.yaml")))
OPTIONAL = {
    "HorizontalPodAutoscaler",
    "PodDisruptionBudget",
    "Ingress",
    "HTTPRoute",
    "NetworkPolicy",
    "ServiceAccount",
    "Role",
    "RoleBinding",
    "ServiceMonitor",
    "PodMonitor",
    "PrometheusRule",
    "Certificate",
    "Issuer",
}


def file_arguments(name: str | None) -> tuple[str, ...]:
    return ("--values", str(CHART / name)) if name else ()


@pytest.mark.parametrize("program", HELMS or ["helm"])
@pytest.mark.parametrize("name", VALUES_FILES)
def test_helm_finds_nothing_to_complain_about(name: str | None, program: str) -> None:
    linted = helm("lint", "--strict", "--kube-version", KUBERNETES, *file_arguments(name), str(CHART), program=program)

    assert linted.returncode == 0, linted.stdout + linted.stderr


@pytest.mark.parametrize("name", VALUES_FILES)
def test_both_versions_of_helm_render_the_same_objects(name: str | None) -> None:
    if len(HELMS) < 2:
        pytest.skip("only one Helm is on the PATH")
    rendered = [
        sorted((found["kind"], found["metadata"]["name"]) for found in objects(*file_arguments(name), program=program))
        for program in HELMS
    ]

    assert rendered[0] == rendered[1]


@pytest.mark.skipif(not shutil.which("kubeconform"), reason="kubeconform is not on the PATH")
@pytest.mark.skipif(SCHEMAS is None, reason="KUBERNETES_SCHEMAS names no folder with schemas of Kubernetes and KEDA")
@pytest.mark.parametrize(
    "arguments",
    [*map(file_arguments, VALUES_FILES), EVERYTHING, EVERY_FILE],
    ids=[*map(str, VALUES_FILES), "everything", "everything.yaml"],
)
def test_kubernetes_and_keda_know_every_field(arguments: tuple[str, ...], tmp_path: Path) -> None:
    rendered = tmp_path / "rendered.yaml"
    rendered.write_text(template(*arguments))
    location = f"{SCHEMAS}/{{{{ .ResourceKind }}}}{{{{ .KindSuffix }}}}.json"
    theirs = "HTTPRoute,ServiceMonitor,PodMonitor,PrometheusRule,Certificate,Issuer"  # no schema at hand

    checked = subprocess.run(
        ["kubeconform", "-strict", "-skip", theirs, "-schema-location", location, str(rendered)],
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize("program", HELMS or ["helm"])
@pytest.mark.parametrize("version", ["1.30.0", "1.31.0-gke.1", "1.36.0"])
def test_every_kubernetes_that_the_chart_allows_gets_the_same_objects(version: str, program: str) -> None:
    def render(kubernetes: str) -> list[tuple[str, str, str]]:
        done = helm("template", "digits", str(CHART), *EVERYTHING, "--kube-version", kubernetes, program=program)
        assert done.returncode == 0, done.stderr
        found = [one for one in yaml.safe_load_all(done.stdout) if one]
        return sorted((one["apiVersion"], one["kind"], one["metadata"]["name"]) for one in found)

    assert render(version) == render(KUBERNETES)


def test_an_older_kubernetes_is_refused() -> None:
    done = helm("template", "digits", str(CHART), "--kube-version", "1.29.9")

    assert "requires kubeVersion: >=1.30.0-0" in done.stderr


def test_what_is_optional_is_off_until_asked_for() -> None:
    assert not kinds() & OPTIONAL
    assert kinds(*EVERYTHING) >= OPTIONAL


def test_no_object_is_named_twice() -> None:
    names = [(found["kind"], found["metadata"]["name"]) for found in objects(*EVERYTHING)]

    assert len(names) == len(set(names))


def test_names_stay_short_enough_for_the_autoscaler_of_a_long_release() -> None:
    done = helm("template", "a" * 53, str(CHART), "--kube-version", KUBERNETES)

    names = [line.split(": ")[1] for line in done.stdout.splitlines() if line.startswith("  name: ")]
    assert max(len(f"keda-hpa-{name}") for name in names if name.endswith("-worker-mnist")) <= 63
    assert max(map(len, names)) <= 63


def test_the_picture_of_the_test_is_the_sample() -> None:
    assert (CHART / "files/seven.pgm").read_bytes() == (ROOT / "samples/seven.pgm").read_bytes()


@pytest.mark.skipif(not shutil.which("helm-docs"), reason="helm-docs is not on the PATH")
def test_the_readme_is_what_helm_docs_writes() -> None:
    written = subprocess.run(
        ["helm-docs", "--dry-run", "--chart-search-root", str(CHART)], capture_output=True, text=True, timeout=60
    )

    assert written.stdout.strip() == (CHART / "README.md").read_text().strip()

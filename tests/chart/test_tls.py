"""TLS to the chart's own RabbitMQ and Redis."""

import re
from fnmatch import fnmatch

import pytest

from tests.chart.helm import (
    NAME,
    NEEDS_HELM,
    Object,
    environment_of,
    kinds,
    objects,
    one,
    pod_of,
    refusal,
    template,
    values,
    workloads,
)
from tests.chart.series import EXTERNAL

pytestmark = NEEDS_HELM
ON = values("tls.enabled=true", "tls.existingSecret=servers")
BY_CERT_MANAGER = values("tls.enabled=true", "tls.certManager.enabled=true")
CLIENTS = [("Deployment", "api"), ("Deployment", "worker-mnist"), ("Pod", "test")]
SERVERS = ["rabbitmq", "redis"]


def volumes(workload: Object) -> dict[str, Object]:
    return {volume["name"]: volume for volume in pod_of(workload)["volumes"]}


def ports(found: Object) -> dict[str, int]:
    return {each["name"]: each["port"] for each in found["spec"]["ports"]}


def test_without_it_nothing_of_it_is_there() -> None:
    assert not {"Certificate", "Issuer"} & kinds()
    assert not [found for found in workloads() if {"tls", "ca"} & set(volumes(found))]
    assert not re.search(r"amqps|rediss|https://digits", template())


@pytest.mark.parametrize("side", ["api", "worker-mnist"])
def test_api_and_workers_connect_over_tls_and_trust_its_ca(side: str) -> None:
    environment = environment_of(one("Deployment", side, *ON))
    host = "default.svc.cluster.local"

    assert environment["INFERENCE_AMQP_URL"] == f"amqps://{side}:$(RABBITMQ_PASSWORD)@{NAME}-rabbitmq.{host}:5671/%2F"
    assert environment["INFERENCE_REDIS_URL"] == f"rediss://{side}:$(REDIS_PASSWORD)@{NAME}-redis.{host}:6379/0"
    assert environment["INFERENCE_CA_FILE"] == "/etc/inference-ca/ca.crt"


@pytest.mark.parametrize(("kind", "name"), CLIENTS)
def test_a_client_gets_the_ca_and_not_the_servers_key(kind: str, name: str) -> None:
    client = one(kind, name, *ON)
    [mount] = [m for m in pod_of(client)["containers"][0]["volumeMounts"] if m["name"] == "ca"]

    assert volumes(client)["ca"]["secret"] == {"secretName": "servers", "items": [{"key": "ca.crt", "path": "ca.crt"}]}
    assert mount == {"name": "ca", "mountPath": "/etc/inference-ca", "readOnly": True}


@pytest.mark.parametrize("server", SERVERS)
def test_a_server_sees_new_files_of_its_certificate(server: str) -> None:
    """A file mounted by subPath would stay as it was at the start."""
    found = one("StatefulSet", server, *ON)
    mounts = [m for c in pod_of(found)["containers"] for m in c["volumeMounts"] if m["name"] == "tls"]

    assert volumes(found)["tls"]["secret"]["secretName"] == "servers"
    assert mounts
    assert all(mount == {"name": "tls", "mountPath": "/tls", "readOnly": True} for mount in mounts)


def test_the_services_have_the_ports_of_tls() -> None:
    assert ports(one("Service", "rabbitmq", *ON)) == {"amqp": 5671, "management": 15671, "prometheus": 15692}
    assert ports(one("Service", "redis", *ON)) == {"redis": 6379}


def test_keda_gets_the_ca() -> None:
    secrets = {
        found["metadata"]["name"]: {**found.get("data", {}), **found.get("stringData", {})}
        for found in objects(*ON)
        if found["kind"] == "Secret"
    }
    parameters = {
        each["parameter"]: (each["name"], each["key"])
        for each in one("TriggerAuthentication", "worker", *ON)["spec"]["secretTargetRef"]
    }
    name, key = parameters["tls"]

    assert parameters["ca"] == ("servers", "ca.crt")
    assert secrets[name][key] == "enable"


def test_keda_and_the_test_ask_over_https() -> None:
    [scaled] = [found for found in objects(*ON) if found["kind"] == "ScaledObject"]
    hosts = [trigger["metadata"]["host"] for trigger in scaled["spec"]["triggers"]]
    hosts += environment_of(one("Pod", "test", *ON))["MANAGEMENT_URLS"].split()

    assert len(hosts) == 4
    assert all(host.startswith("https://") and host.endswith(":15671/") for host in hosts)


def test_a_ca_of_ones_own_is_the_one_that_is_trusted() -> None:
    """Where one server is external, its holds both CAs."""
    api = one("Deployment", "api", *ON, *values("ca.existingSecret=both", "ca.key=all.pem"))

    assert environment_of(api)["INFERENCE_CA_FILE"] == "/etc/inference-ca/all.pem"
    assert volumes(api)["ca"]["secret"]["secretName"] == "both"


def test_with_both_servers_elsewhere_there_is_no_certificate() -> None:
    elsewhere = values(*EXTERNAL, "redis.enabled=false", "externalRedis.existingSecret=store")

    assert not {"Certificate", "Issuer"} & kinds(*BY_CERT_MANAGER, *elsewhere)
    assert "INFERENCE_CA_FILE" not in environment_of(one("Deployment", "api", *BY_CERT_MANAGER, *elsewhere))


def test_cert_managers_certificate_is_for_every_name_that_a_client_uses() -> None:
    rendered = template(*BY_CERT_MANAGER, *values("rabbitmq.replicas=3"))
    used = set(re.findall(r"(?:amqps|rediss|https)://(?:[^@/\s]*@)?([a-z0-9.-]+):\d", rendered))
    names = one("Certificate", "tls", *BY_CERT_MANAGER)["spec"]["dnsNames"]

    assert len(used) == 2 + 3
    assert all(any(fnmatch(host, name) and host.count(".") == name.count(".") for name in names) for host in used)


def test_cert_manager_makes_the_secret_that_the_pods_mount() -> None:
    made = one("Certificate", "tls", *BY_CERT_MANAGER)["spec"]["secretName"]

    assert {
        volumes(one("StatefulSet", server, *BY_CERT_MANAGER))["tls"]["secret"]["secretName"] for server in SERVERS
    } == {made}


def test_without_an_issuer_the_release_has_a_ca_that_keeps_its_key() -> None:
    found: dict[tuple[str, str], Object] = {
        (o["kind"], o["metadata"]["name"]): o.get("spec", {}) for o in objects(*BY_CERT_MANAGER)
    }
    ca, issuer = found["Certificate", f"{NAME}-tls-ca"], found["Issuer", f"{NAME}-tls"]

    assert found["Certificate", f"{NAME}-tls"]["issuerRef"] == {"kind": "Issuer", "name": f"{NAME}-tls"}
    assert issuer == {"ca": {"secretName": ca["secretName"]}}
    assert ca["isCA"] is True
    assert ca["privateKey"] == {"rotationPolicy": "Never"}
    assert found["Issuer", ca["issuerRef"]["name"]] == {"selfSigned": {}}


def test_an_issuer_of_the_cluster_signs_alone() -> None:
    issuer = values("tls.certManager.issuerRef.kind=ClusterIssuer", "tls.certManager.issuerRef.name=ours")
    made = [found for found in objects(*BY_CERT_MANAGER, *issuer) if found["kind"] in {"Certificate", "Issuer"}]

    assert [found["spec"]["issuerRef"] for found in made] == [{"kind": "ClusterIssuer", "name": "ours"}]


def test_tls_without_a_certificate_is_refused() -> None:
    assert "tls.enabled is true, but there is no certificate; set tls.existingSecret" in refusal("tls.enabled=true")


def test_an_issuer_without_a_name_is_refused() -> None:
    issuer = "tls.certManager.issuerRef.kind=ClusterIssuer"
    assert "issuerRef has no name" in refusal("tls.enabled=true", "tls.certManager.enabled=true", issuer)


def test_two_sources_of_the_certificate_are_refused() -> None:
    both = ("tls.enabled=true", "tls.existingSecret=servers", "tls.certManager.enabled=true")

    assert "set one of them" in refusal(*both)


def test_a_cluster_without_cert_manager_is_refused() -> None:
    seen = template(*BY_CERT_MANAGER, "--api-versions", "cert-manager.io/v1/Certificate")
    asked = ("--api-versions", "apiregistration.k8s.io/v1", "--api-versions", "keda.sh/v1alpha1/ScaledObject")

    assert "kind: Certificate" in seen
    with pytest.raises(AssertionError, match="this cluster has no cert-manager"):
        template(*BY_CERT_MANAGER, *asked)

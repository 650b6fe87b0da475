"""Services of one or both IP families, and servers that listen on them."""

import pytest

from tests.chart.helm import NEEDS_HELM, container_of, environment_of, objects, one, refusal, values

pytestmark = NEEDS_HELM
IPV6 = values("ipFamilies={IPv6}")
DUAL = values("ipFamilies={IPv4,IPv6}")
IPV6_FIRST = values("ipFamilies={IPv6,IPv4}")
SERVICES = 5


def families_of(*arguments: str) -> set[tuple[str | None, tuple[str, ...]]]:
    services = [found["spec"] for found in objects(*arguments) if found["kind"] == "Service"]
    assert len(services) == SERVICES
    return {(service.get("ipFamilyPolicy"), tuple(service.get("ipFamilies", ()))) for service in services}


def listens_on(*arguments: str) -> list[str]:
    api, worker = (environment_of(one("Deployment", name, *arguments)) for name in ("api", "worker-mnist"))
    return [api["INFERENCE_HOST"], worker["INFERENCE_PROBE_HOST"]]


def test_the_cluster_chooses_unless_the_values_do() -> None:
    assert families_of() == {(None, ())}
    assert listens_on() == ["0.0.0.0", "0.0.0.0"]  # noqa: S104


@pytest.mark.parametrize(
    ("families", "rendered"),
    [
        pytest.param(IPV6, (None, ("IPv6",)), id="one"),
        pytest.param(DUAL, ("PreferDualStack", ("IPv4", "IPv6")), id="both"),
        pytest.param(
            (*DUAL, *values("ipFamilyPolicy=RequireDualStack")), ("RequireDualStack", ("IPv4", "IPv6")), id="a policy"
        ),
    ],
)
def test_every_service_has_the_families(families: tuple[str, ...], rendered: tuple[str, tuple[str, ...]]) -> None:
    assert families_of(*families) == {rendered}


@pytest.mark.parametrize("families", [IPV6, DUAL, IPV6_FIRST])
def test_api_and_workers_listen_on_every_address(families: tuple[str, ...]) -> None:
    assert listens_on(*families) == ["", ""]


def test_an_address_of_ones_own_is_kept() -> None:
    own = values("api.settings.INFERENCE_HOST=::1", "worker.settings.INFERENCE_PROBE_HOST=::1")

    assert listens_on(*DUAL, *own) == ["::1", "::1"]


@pytest.mark.parametrize(("families", "ipv6"), [((), False), (IPV6, True), (DUAL, True)])
def test_rabbitmqs_pages_listen_on_ipv6_too(families: tuple[str, ...], ipv6: bool) -> None:
    lines = one("ConfigMap", "rabbitmq", *families)["data"]["90-mnist.conf"].splitlines()

    assert ({"management.tcp.ip = ::", "prometheus.tcp.ip = ::"} <= set(lines)) == ipv6


@pytest.mark.parametrize(("families", "ipv6"), [((), False), (DUAL, False), (IPV6, True), (IPV6_FIRST, True)])
def test_rabbitmqs_nodes_meet_over_the_first_family(families: tuple[str, ...], ipv6: bool) -> None:
    server = one("StatefulSet", "rabbitmq", *families)
    environment = environment_of(server)
    mounted = {mount.get("subPath") for mount in container_of(server)["volumeMounts"]}

    for name in ("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", "RABBITMQ_CTL_ERL_ARGS"):
        assert ("-proto_dist inet6_tcp" in environment.get(name, "")) == ipv6
    assert ("erl_inetrc" in mounted) == ipv6
    assert ("erl_inetrc" in one("ConfigMap", "rabbitmq", *families)["data"]) == ipv6


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (("ipFamilyPolicy=PreferDualStack",), "ipFamilies has 0 of two families"),
        (("ipFamilyPolicy=SingleStack", "ipFamilies={IPv4,IPv6}"), "ipFamilies has two families; remove one"),
        (("ipFamilies={IPv5}",), "/ipFamilies/0"),
        (("ipFamilies={IPv6,IPv6}",), "/ipFamilies"),
    ],
)
def test_families_and_policy_must_agree(settings: tuple[str, ...], message: str) -> None:
    assert message in refusal(*settings)

"""RabbitMQ's nodes find one another, and their volumes keep their size from file to file."""

import re

import yaml

from tests.chart.helm import CHART, NAME, NEEDS_HELM, Object, container_of, environment_of, one, pod_of, values
from tests.support.deployment import ROOT

pytestmark = NEEDS_HELM
PRODUCTION = ("--values", str(CHART / "values-production.yaml"))
THREE = values("rabbitmq.replicas=3")
DATA = {"name": "data", "mountPath": "/var/lib/rabbitmq/mnesia"}
SEED = {
    "name": "filled",
    "mountPath": "/etc/rabbitmq/conf.d/95-seed.conf",
    "subPath": "seed.conf",
    "readOnly": True,
}


def fill_in_of(*arguments: str) -> Object:
    (container,) = pod_of(one("StatefulSet", "rabbitmq", *arguments))["initContainers"]
    return dict(container)


def test_the_values_for_production_keep_the_volumes_of_the_default() -> None:
    """Kubernetes refuses other volumes of a StatefulSet that is there."""
    for server in "rabbitmq", "redis":
        default, production = (
            one("StatefulSet", server, *arguments)["spec"]["volumeClaimTemplates"] for arguments in ((), PRODUCTION)
        )
        assert default == production


def test_a_node_of_three_without_data_asks_each_other_node_before_it_starts() -> None:
    data = one("ConfigMap", "rabbitmq", *THREE)["data"]
    script = data["fill-in.sh"]

    assert f"for pod in {NAME}-rabbitmq-0 {NAME}-rabbitmq-1 {NAME}-rabbitmq-2; do" in script
    assert data["seed.escript"] == (CHART / "files/seed.escript").read_text()
    assert DATA in fill_in_of(*THREE)["volumeMounts"]
    assert SEED in container_of(one("StatefulSet", "rabbitmq", *THREE))["volumeMounts"]


def test_nodes_ask_under_the_names_and_over_the_port_that_rabbitmq_has() -> None:
    rabbitmq = one("StatefulSet", "rabbitmq", *THREE)
    script = one("ConfigMap", "rabbitmq", *THREE)["data"]["fill-in.sh"]
    (asking,) = re.findall(r"^node=(.*)$", script, re.MULTILINE)
    (ports,) = re.findall(r"inet_dist_listen_min (\d+) inet_dist_listen_max (\d+)", script)
    distribution = {port["name"]: port["containerPort"] for port in container_of(rabbitmq)["ports"]}["distribution"]

    assert asking.replace("$POD_NAME", "$(POD_NAME)") == environment_of(rabbitmq)["RABBITMQ_NODENAME"]
    assert set(ports) == {str(distribution)}
    assert one("Service", "rabbitmq-nodes", *THREE)["spec"]["publishNotReadyAddresses"] is True


def test_one_node_asks_nobody() -> None:
    data = one("ConfigMap", "rabbitmq")["data"]

    assert "seed" not in data["fill-in.sh"]
    assert "seed.escript" not in data
    assert DATA not in fill_in_of()["volumeMounts"]
    assert SEED not in container_of(one("StatefulSet", "rabbitmq"))["volumeMounts"]


def test_rabbitmq_opens_as_many_files_as_with_compose() -> None:
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]["rabbitmq"]["ulimits"]["nofile"]

    assert environment_of(one("StatefulSet", "rabbitmq"))["RABBITMQ_MAX_OPEN_FILES"] == str(compose)


def test_erlang_beside_rabbitmq_reserves_no_memory_for_more_files_than_rabbitmq_opens() -> None:
    """A node may allow a billion files; Erlang would reserve 1.6 GB for each program, RabbitMQ's own tools too."""
    container = environment_of(one("StatefulSet", "rabbitmq", *THREE))
    script = one("ConfigMap", "rabbitmq", *THREE)["data"]["fill-in.sh"]
    (flags,) = re.findall(r'ERL_FLAGS="(.*)"', script)

    for arguments in (container["RABBITMQ_CTL_ERL_ARGS"], flags):
        assert f"+Q {container['RABBITMQ_MAX_OPEN_FILES']}" in arguments

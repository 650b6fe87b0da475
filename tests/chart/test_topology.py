"""What RabbitMQ and Redis are told is what the services declare and what the documentation allots."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from inference_bridge.rabbitmq.topology import topology_for
from mnist_model.spec import SPEC
from tests.chart.helm import NEEDS_HELM, environment_of, one, values
from tests.support.documented import PASSWORD, documented

pytestmark = NEEDS_HELM
LENGTH = 1_234_567
ARGUMENTS = values(f"settings.INFERENCE_QUEUE_MAX_LENGTH={LENGTH}")


def definitions() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(one("ConfigMap", "rabbitmq", *ARGUMENTS)["data"]["definitions.json"])
    return loaded


def test_the_definitions_have_the_topology_of_the_services() -> None:
    topology = topology_for(SPEC, queue_max_length=LENGTH)
    given = definitions()

    assert {exchange["name"] for exchange in given["exchanges"]} == set(topology.exchanges)
    assert all(exchange["type"] == "direct" and exchange["durable"] for exchange in given["exchanges"])
    assert {queue["name"]: queue["arguments"] for queue in given["queues"]} == {
        queue.name: queue.arguments for queue in topology.queues
    }
    assert all(queue["durable"] and not queue["auto_delete"] for queue in given["queues"])
    assert {(bond["source"], bond["routing_key"], bond["destination"]) for bond in given["bindings"]} == {
        (queue.exchange, queue.routing_key, queue.name) for queue in topology.queues
    }


def test_both_sides_are_told_the_length_that_the_queue_has() -> None:
    for side in ("api", "worker-mnist"):
        environment = environment_of(one("Deployment", side, *ARGUMENTS))
        assert environment["INFERENCE_QUEUE_MAX_LENGTH"] == str(LENGTH)


def test_rabbitmqs_users_have_the_documented_rights() -> None:
    given = definitions()
    rights = {p["user"]: [p["configure"], p["write"], p["read"]] for p in given["permissions"]}

    for command, user, *rest in documented("rabbitmqctl"):
        if command == "set_permissions":
            assert rights[user] == rest
    assert rights["operator"] == ["^$", "^inference$", r"^mnist\.dead$"]


def test_every_permission_has_its_user() -> None:
    given = definitions()

    assert {user["name"] for user in given["users"]} == {right["user"] for right in given["permissions"]}
    assert {user["name"] for user in given["users"] if "administrator" in user["tags"]} == set()
    assert "management" in next(user["tags"] for user in given["users"] if user["name"] == "autoscaler")


def test_redis_users_have_the_documented_rights() -> None:
    lines = one("ConfigMap", "redis", *values("redis.metrics.enabled=true", "webhooks.existingSecret=endpoints"))[
        "data"
    ]["users.acl"].splitlines()
    users = {line.split()[1]: line.split()[2:] for line in lines}

    for _acl, _setuser, user, *rules in documented("redis-cli"):
        variable = f"{user.upper().replace('-', '_')}_PASSWORD"
        expected = [rule.replace(f">{PASSWORD}", f">@{variable}@") for rule in rules]
        # From Redis 7.2 on, says the documentation.
        extra = [] if user in {"default", "exporter"} else ["+client|setinfo"]
        assert users[user] == expected + extra


@pytest.mark.parametrize(("component", "file"), [("rabbitmq", "definitions.json"), ("redis", "users.acl")])
def test_passwords_are_filled_in(component: str, file: str, tmp_path: Path) -> None:
    filled = fill_in(component, file, tmp_path, password="aB3-_")  # noqa: S106

    assert filled.returncode == 0, filled.stderr
    text = (tmp_path / "filled" / file).read_text()
    assert "@" not in text.replace("-@all", "").replace("+@all", "")
    assert text.count("aB3-_") == {"rabbitmq": 4, "redis": 3}[component]
    assert (tmp_path / "filled" / file).stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("password", ["", "a/b", "a b", 'a"b', "a&b", "$(id)"])
def test_a_password_that_would_break_the_file_is_refused(password: str, tmp_path: Path) -> None:
    filled = fill_in("redis", "users.acl", tmp_path, password=password)

    assert filled.returncode == 1
    assert "correct the Secret" in filled.stderr
    assert not (tmp_path / "filled/users.acl").exists()


def fill_in(component: str, file: str, directory: Path, *, password: str) -> subprocess.CompletedProcess[str]:
    """Run the script of the init container in a directory of its own."""
    data = one("ConfigMap", component)["data"]
    for name in ("templates", "filled", "home"):
        (directory / name).mkdir()
    (directory / "templates" / file).write_text(data[file])
    script = data["fill-in.sh"]
    for path, name in (("/templates", "templates"), ("/filled", "filled"), ("/var/lib/rabbitmq", "home")):
        script = script.replace(path, str(directory / name))
    variables = {f"{user}_PASSWORD": password for user in ("API", "WORKER_MNIST", "AUTOSCALER", "OPERATOR")}
    return subprocess.run(
        ["sh", "-c", script],
        env={"PATH": "/usr/bin:/bin", "ERLANG_COOKIE": "cookie", **variables},
        capture_output=True,
        text=True,
        timeout=10,
    )

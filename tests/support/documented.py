"""The users of `docs/security.md`, made by the very lines that stand there."""

import shlex
import string

import redis

from tests.support.deployment import ROOT
from tests.support.servers import RedisServer

PASSWORD = "secret"  # noqa: S105


def documented(program: str) -> list[list[str]]:
    """Return the arguments of each call of a program in the documentation, all passwords being `PASSWORD`."""
    passwords = {f"{user}_PASSWORD": PASSWORD for user in ("API", "WORKER_MNIST", "AUTOSCALER", "HOOKS", "EXPORTER")}
    lines = (ROOT / "docs/security.md").read_text().splitlines()
    calls = [line.removeprefix(program + " ") for line in lines if line.startswith(program + " ")]
    return [shlex.split(string.Template(call).safe_substitute(passwords)) for call in calls]


def add_documented_users(server: RedisServer) -> None:
    """Add the users to a Redis; the default user, which the documentation turns off, stays for the test."""
    with redis.Redis.from_url(server.url) as administrator:
        for line in documented("redis-cli"):
            if "default" not in line:
                administrator.execute_command(*line)


def redis_url(server: RedisServer, user: str) -> str:
    """Return the URL for one of the users."""
    return server.url.replace("//", f"//{user}:{PASSWORD}@")

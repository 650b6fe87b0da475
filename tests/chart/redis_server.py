"""A real Redis with the users that the chart renders."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.chart.helm import one
from tests.support.servers import RedisServer

USERS = ("API", "WORKER_MNIST", "HOOKS", "OPERATOR")


@contextmanager
def redis_with_users(directory: Path, *arguments: str) -> Iterator[RedisServer]:
    """Run it; the password of `worker-mnist` is `worker-mnist`, and so on.

    Args:
        directory: for its files.
        arguments: of `helm template`.
    """
    # Redis 7.0, which may be the one at hand, does not know that command.
    users = one("ConfigMap", "redis", *arguments)["data"]["users.acl"].replace(" +client|setinfo", "")
    for user in USERS:
        users = users.replace(f"@{user}_PASSWORD@", user.lower().replace("_", "-"))
    (directory / "users.acl").write_text(users)
    server = RedisServer(directory, {"aclfile": str(directory / "users.acl")})
    try:
        yield server.start()
    finally:
        server.close()

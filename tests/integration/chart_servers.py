"""RabbitMQ and Redis with TLS and the very configuration that the chart renders, on free ports of 127.0.0.1."""

import re
import shutil
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.chart.helm import Object, environment_of, one, pod_of, values
from tests.support.certificates import Authority
from tests.support.servers import Process, RabbitMQ, find_program, free_port

PASSWORD = "secret"  # noqa: S105
TLS = values("tls.enabled=true", "tls.existingSecret=servers")


class ChartServers:
    """The chart's RabbitMQ and Redis; every user's password is `PASSWORD`.

    Args:
        directory: for their data, and for the files that the chart mounts.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.authority = Authority(directory / "ca").create()
        self.certificate = directory / "tls"
        self.certificate.mkdir()
        self.renew()
        self.amqp_port, self.management_port, self.redis_port = free_port(), free_port(), free_port()
        self.ca_file = self.certificate / "ca.crt"
        files = {name: one("ConfigMap", name, *TLS)["data"] for name in ("rabbitmq", "redis")}
        (directory / "definitions.json").write_text(self._placed(files["rabbitmq"]["definitions.json"]))
        # Redis 7.0, which may be the one at hand, does not know that command.
        (directory / "users.acl").write_text(self._placed(files["redis"]["users.acl"]).replace(" +client|setinfo", ""))
        (directory / "redis.conf").write_text(self._placed(files["redis"]["redis.conf"]) + "\nbind 127.0.0.1\n")
        (directory / "reload.sh").write_text(self._placed(files["redis"]["reload.sh"]).replace("sleep 10", "sleep 0.1"))
        self.rabbitmq = RabbitMQ(
            directory / "rabbitmq",
            config=self._placed(files["rabbitmq"]["90-mnist.conf"]),
            plugins=["rabbitmq_management"],
        )
        log = directory / "redis.log"
        self.redis = Process([find_program("redis-server"), str(directory / "redis.conf")], log)
        script = ["sh", str(directory / "reload.sh")]
        self.reload = Process(script, directory / "reload.log", {"REDISCLI_AUTH": PASSWORD})

    def renew(self) -> None:
        """Replace the certificate for `localhost` by a new one of the same CA."""
        issued = self.authority.issue("localhost")
        names = {"ca.crt": self.authority.file, "tls.crt": issued.file, "tls.key": issued.key_file}
        for name, source in names.items():
            shutil.copy(source, self.certificate / f"{name}.new")
            (self.certificate / f"{name}.new").rename(self.certificate / name)

    def urls(self, side: str) -> dict[str, str]:
        """Return the variables with which the chart sends a Deployment's pods to these servers."""
        rendered = environment_of(one("Deployment", side, *TLS))
        variables = {name: rendered[name] for name in ("INFERENCE_AMQP_URL", "INFERENCE_REDIS_URL")}
        placed = {name: self._reached(re.sub(r"\$\(\w+\)", PASSWORD, url)) for name, url in variables.items()}
        return {**placed, "INFERENCE_CA_FILE": str(self.ca_file)}

    def probe(self, name: str) -> list[str]:
        """Return the command of one of Redis's probes."""
        redis = container(one("StatefulSet", "redis", *TLS), "redis")
        port = str(self.redis_port)
        if redis[name]["exec"]["command"][0] == "redis-cli":
            return ["redis-cli", "-p", port, *redis[name]["exec"]["command"][1:]]
        *shell, command = redis[name]["exec"]["command"]
        return [*shell, command.replace("redis-cli", f"redis-cli -p {port}")]

    def serial(self, port: int) -> str:
        """Return the serial number of the certificate that a server shows on a port."""
        context = ssl.create_default_context(cafile=str(self.ca_file))
        with (
            socket.create_connection(("127.0.0.1", port), timeout=5) as plain,
            context.wrap_socket(plain, server_hostname="localhost") as connection,
        ):
            return str((connection.getpeercert() or {})["serialNumber"])

    def start(self) -> None:
        """Start both and wait until they take connections."""
        self.rabbitmq.process.start().wait_for_port(self.amqp_port)
        self.rabbitmq.process.wait_for_port(self.management_port)
        self.redis.start().wait_for_port(self.redis_port)

    def close(self) -> None:
        """End everything."""
        for process in (self.reload, self.redis):
            if process.exit_status is None and process.log.exists():
                process.stop()
        self.rabbitmq.close()

    def _placed(self, text: str) -> str:
        """Return a rendered file with our directories, ports and passwords."""
        text = text.replace("/tls/", f"{self.certificate}/").replace("/filled/", f"{self._directory}/")
        text = text.replace("dir /data", f"dir {self._directory}").replace(
            "redis-cli", f"redis-cli -p {self.redis_port}"
        )
        text = text.replace("tls-port 6379", f"tls-port {self.redis_port}")
        text = text.replace("= 5671", f"= {self.amqp_port}").replace("= 15671", f"= {self.management_port}")
        return re.sub(r"@\w+_PASSWORD@", PASSWORD, text)

    def _reached(self, url: str) -> str:
        ports = {"5671": self.amqp_port, "6379": self.redis_port}
        return re.sub(r"@[^:/]+:(\d+)", lambda found: f"@localhost:{ports[found[1]]}", url)


def container(workload: Object, name: str) -> Object:
    """Return the container of that name."""
    [found] = [each for each in pod_of(workload)["containers"] if each["name"] == name]
    return dict(found)


@contextmanager
def chart_servers(directory: Path) -> Iterator[ChartServers]:
    """Run both."""
    servers = ChartServers(directory)
    try:
        servers.start()
        yield servers
    finally:
        servers.close()

"""The HTTP edge, as clients of several makes meet it: over a real socket."""

import asyncio
import http.client
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from inference_api.http import protocol
from tests.support.waiting import until
from tests.unit.api.conftest import TIMEOUT_S, Service, a_picture
from tests.unit.api.test_protocol import UPLOAD, Connection, connected

JAVA = """
import java.net.URI;
import java.net.http.*;
import java.nio.file.Path;
public class Submit {
    public static void main(String[] given) throws Exception {
        var client = HttpClient.newHttpClient();
        for (int call = 0; call < 2; call++) {
            var body = HttpRequest.BodyPublishers.ofFile(Path.of(given[1]));
            var request = HttpRequest.newBuilder(URI.create(given[0])).POST(body).build();
            System.out.print(client.send(request, HttpResponse.BodyHandlers.ofString()).statusCode() + " ");
        }
    }
}
"""


async def output_of(*command: object) -> str:
    """Return the output of a client of another make; skip where it is not installed."""
    if shutil.which(str(command[0])) is None:
        pytest.skip(f"{command[0]} is not installed")
    client = await asyncio.create_subprocess_exec(*map(str, command), stdout=asyncio.subprocess.PIPE)
    printed, _ = await asyncio.wait_for(client.communicate(), 6 * TIMEOUT_S)
    return printed.decode()


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "three.png"
    path.write_bytes(a_picture())
    return path


@pytest.mark.parametrize(
    "path", ["/", "/healthz", "/readyz", "/serving", "/docs", "/openapi.json", "/models", "/models/mnist"]
)
async def test_head_is_answered_like_get_without_a_body(service: Service, path: str) -> None:
    got, head = await service.client.get(path), await service.client.head(path)

    assert (head.status_code, head.content) == (got.status_code, b"")
    assert head.headers["content-length"] == got.headers["content-length"]


async def test_head_of_a_result_and_of_an_example_is_answered(service: Service) -> None:
    accepted = await service.submit()

    assert (await service.client.head(accepted.headers["location"])).status_code == 200
    assert (await service.client.head("/models/mnist/example")).status_code == 200


@pytest.mark.parametrize("path", ["/metrics", "/scaling/mnist?target_wait_s=1"])
async def test_head_is_answered_on_the_operations_port(service: Service, path: str) -> None:
    head = await service.operations.head(path)

    assert (head.status_code, head.content) == (200, b"")


async def test_head_is_not_in_the_description(service: Service) -> None:
    paths = (await service.client.get("/openapi.json")).json()["paths"]

    assert not [path for path, calls in paths.items() if "head" in calls]


@pytest.mark.parametrize(
    "path", ["/", "/healthz", "/models", "/models/mnist", "/models/mnist/example", "/docs", "/result/x", "/nothing"]
)
async def test_no_cache_may_keep_an_answer_that_can_change(service: Service, path: str) -> None:
    assert (await service.client.get(path)).headers.get_list("cache-control") == ["no-store"]


@pytest.mark.parametrize("path", ["/metrics", "/scaling/mnist?target_wait_s=1"])
async def test_no_cache_may_keep_what_the_operations_port_answers(service: Service, path: str) -> None:
    assert (await service.operations.get(path)).headers["cache-control"] == "no-store"


async def test_a_pending_result_may_not_be_kept_and_a_terminal_one_may(service: Service) -> None:
    accepted = await service.submit()
    pending = await service.client.get(accepted.headers["location"])
    await service.answer(accepted.json()["inference_id"])
    terminal = await service.client.get(accepted.headers["location"])

    assert accepted.headers["cache-control"] == pending.headers["cache-control"] == "no-store"
    assert "cache-control" not in terminal.headers


async def test_a_defect_and_a_refused_head_may_not_be_kept(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inference_bridge.memory.broker.MemoryPublisher.publish", None)

    assert (await service.submit()).headers["cache-control"] == "no-store"
    assert (await service.client.get("/" + "a" * 40_000)).headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", ["/classify", "/models/mnist"])
@pytest.mark.parametrize("how", [("--form", "file=@{}"), ("--data-binary", "@{}")])
async def test_curl_that_offers_http2_is_accepted(
    service: Service, picture: Path, how: tuple[str, str], path: str
) -> None:
    url = f"{service.client.base_url}{path}"
    printed = await output_of(
        "curl", "--silent", "--http2", how[0], how[1].format(picture), url, url, "--write-out", "%{http_code} "
    )

    assert printed.count("202 ") == 2


async def test_the_http_client_of_java_is_accepted(service: Service, picture: Path, tmp_path: Path) -> None:
    (tmp_path / "Submit.java").write_text(JAVA)

    assert await output_of("java", tmp_path / "Submit.java", f"{service.client.base_url}/classify", picture) == (
        "202 202 "
    )


OFFER = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"


@pytest.mark.parametrize("size", [1, 7, 1_000_000])
async def test_an_offer_to_upgrade_is_ignored_however_the_request_is_cut(service: Service, size: int) -> None:
    picture = a_picture()
    whole = UPLOAD + OFFER + b"Content-Length: %d\r\n\r\n" % len(picture) + picture
    chunked = UPLOAD + OFFER + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(picture), picture)
    sent = whole + chunked + b"GET /healthz HTTP/1.1\r\nHost: x\r\n" + OFFER + b"\r\n"
    async with connected(service) as connection:
        for start in range(0, len(sent), size):
            await connection.send(sent[start : start + size])
        assert [await connection.status() for _ in range(3)] == [202, 202, 200]


async def test_a_tunnel_is_refused(service: Service) -> None:
    async with connected(service) as connection:
        await connection.send(b"CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await connection.rest()).startswith(b"HTTP/1.1 400 ")


MEGABYTE = 1_000_000
NODE = """
const [url, size] = process.argv.slice(1);
(async () => {
  for (let call = 0; call < 5; call++) {
    const form = new FormData();
    form.append("file", new Blob([new Uint8Array(Number(size))]), "large.png");
    const answer = await fetch(url, { method: "POST", body: form });
    process.stdout.write(`${answer.status} ${(await answer.json()).code} `);
  }
})();
"""


def sent_by_http_client(service: Service, path: str, body: bytes | Iterator[bytes]) -> tuple[int, str]:
    """Status and code: this client reads nothing before it has sent everything."""
    url = service.client.base_url
    client = http.client.HTTPConnection(url.host, url.port, timeout=TIMEOUT_S)
    client.request("POST", path, body, encode_chunked=True)
    answer = client.getresponse()
    status, code = answer.status, json.loads(answer.read())["code"]
    client.close()
    return status, code


@pytest.mark.parametrize("path", ["/classify", "/models/mnist"])
@pytest.mark.parametrize("is_chunked", [False, True])
async def test_a_client_that_reads_last_reads_that_its_upload_is_too_large(
    service: Service, path: str, is_chunked: bool
) -> None:
    for _ in range(3):
        body = iter([bytes(MEGABYTE)] * 12) if is_chunked else bytes(4 * MEGABYTE)
        answer = await asyncio.to_thread(sent_by_http_client, service, path, body)
        assert answer == (413, "image_too_large")


@pytest.mark.parametrize("megabytes", [3, 20])
async def test_node_reads_that_its_upload_is_too_large(service: Service, megabytes: int) -> None:
    printed = await output_of("node", "-e", NODE, f"{service.client.base_url}/classify", megabytes * MEGABYTE)

    assert printed == "413 image_too_large " * 5


async def test_httpx_reads_that_its_upload_is_too_large(service: Service) -> None:
    response = await service.client.post("/models/mnist", content=bytes(12 * MEGABYTE))

    assert (response.status_code, response.headers["connection"]) == (413, "close")


async def endless(connection: Connection) -> None:
    while True:
        await connection.send(bytes(MEGABYTE))


async def test_the_rest_of_a_refused_body_is_read_up_to_a_bound(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "MAX_DROPPED_BYTES", MEGABYTE)
    async with connected(service) as connection:
        await connection.send(UPLOAD + b"Content-Length: 1000000000\r\n\r\n")
        assert await connection.status() == 413
        with pytest.raises(ConnectionError):
            await endless(connection)


async def test_the_rest_of_a_refused_body_is_awaited_for_a_while(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "LINGER_S", 0.2)
    async with connected(service) as connection:
        await connection.send(UPLOAD + b"Content-Length: 1000000000\r\n\r\n")
        assert await connection.status() == 413
        await until(lambda: not service.server.server_state.connections)


@pytest.mark.parametrize("version", [b"HTTP/1.1\r\nConnection: close", b"HTTP/1.0"])
@pytest.mark.parametrize("path", [b"/classify", b"/models/mnist"])
async def test_a_client_that_closes_its_side_gets_its_result(service: Service, path: bytes, version: bytes) -> None:
    picture = a_picture()
    async with connected(service) as connection:
        head = b"POST %b?wait=5 %b\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (path, version, len(picture))
        await connection.send(head + picture)
        connection.writer.write_eof()
        await until(lambda: len(service.waiters))
        await service.answer(str(service.broker.jobs[0].properties.message_id))
        answer = await connection.rest()

    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"succeeded" in answer


async def test_a_client_that_closes_its_side_of_a_connection_to_keep_gets_its_id_and_holds_no_place(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may have left: nobody can tell before the answer is written."""
    monkeypatch.setattr("inference_api.waiters.DISCONNECT_CHECK_S", 0.02)
    picture = a_picture()
    async with connected(service) as connection:
        head = b"POST /classify?wait=5 HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(picture)
        await connection.send(head + picture)
        connection.writer.write_eof()
        answer = await connection.rest()

    assert answer.startswith(b"HTTP/1.1 202 ")
    assert len(service.waiters) == 0


async def test_every_request_before_the_close_of_a_side_is_answered(service: Service) -> None:
    async with connected(service) as connection:
        await connection.send(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n" * 3)
        connection.writer.write_eof()
        answer = await connection.rest()

    assert answer.count(b"HTTP/1.1 200 ") == 3
    assert answer.count(b"connection: close") == 1


async def test_socat_gets_its_answer(service: Service, picture: Path) -> None:
    url = service.client.base_url
    (request := picture.with_suffix(".http")).write_bytes(
        b"POST /classify?wait=0.5 HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
        % len(a_picture())
        + a_picture()
    )
    printed = await output_of("socat", "-t5", f"OPEN:{request},rdonly!!STDOUT", f"TCP:{url.host}:{url.port}")

    assert printed.startswith("HTTP/1.1 202 ")

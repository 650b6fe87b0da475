"""One POST to an endpoint, over real connections."""

import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from inference_api.hooks.endpoints import Endpoint
from inference_api.hooks.post import Answer, NoAnswer, post
from tests.support.certificates import Authority
from tests.support.receiver import OK, SECRET, Receiver, answer, hang

TLS = ssl.create_default_context()
HEADERS = {"webhook-id": "msg_1"}


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with Receiver() as receiver:
        yield receiver


def endpoint(url: str, **fields: Any) -> Endpoint:
    return Endpoint.model_validate({"name": "done", "url": url, "secrets": [SECRET], "allow_private": True, **fields})


def of(receiver: Receiver, path: str = "/in?x=1") -> Endpoint:
    return endpoint(f"http://127.0.0.1:{receiver.port}{path}")


async def test_the_request_has_the_body_the_headers_and_the_path(receiver: Receiver) -> None:
    assert await post(of(receiver), HEADERS, b'{"a":1}', TLS) == Answer(204, "")

    [request] = receiver.received
    assert (request.line, request.body) == ("POST /in?x=1 HTTP/1.1", b'{"a":1}')
    assert request.headers["host"] == f"127.0.0.1:{receiver.port}"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["webhook-id"] == "msg_1"


async def test_a_redirect_is_not_followed(receiver: Receiver) -> None:
    async with Receiver() as other:
        receiver.answering = lambda _: answer(301, f"Location: http://127.0.0.1:{other.port}/")

        assert (await post(of(receiver), HEADERS, b"{}", TLS)).status == 301
        assert other.received == []


async def test_the_pause_that_an_endpoint_asks_for_is_read(receiver: Receiver) -> None:
    receiver.answering = lambda _: answer(429, "RETRY-AFTER:  7 ")

    assert await post(of(receiver), HEADERS, b"{}", TLS) == Answer(429, "7")


async def test_an_interim_answer_is_passed_over(receiver: Receiver) -> None:
    receiver.answering = lambda _: b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK

    assert (await post(of(receiver), HEADERS, b"{}", TLS)).status == 204


async def test_an_endless_body_is_not_read(receiver: Receiver) -> None:
    receiver.answering = lambda _: b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"ff\r\n" * 1_000_000

    assert (await post(of(receiver), HEADERS, b"{}", TLS)).status == 200


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(b"hello\r\n\r\n", id="not-http"),
        pytest.param(b"HTTP/1.1 999 No\r\n\r\n", id="a-status-of-no-class"),
        pytest.param(b"", id="nothing"),
        pytest.param(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000, id="an-endless-head"),
    ],
)
async def test_an_answer_that_is_not_one_is_a_failure(receiver: Receiver, said: bytes) -> None:
    receiver.answering = lambda _: said

    with pytest.raises(NoAnswer):
        await post(of(receiver), HEADERS, b"{}", TLS)


async def test_a_silent_endpoint_is_given_up(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inference_api.hooks.post.DEADLINE_S", 0.2)
    receiver.answering = hang

    with pytest.raises(NoAnswer, match="no answer within"):
        await post(of(receiver), HEADERS, b"{}", TLS)


async def test_a_closed_port_is_a_failure() -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))

        with pytest.raises(NoAnswer, match="the connection failed"):
            await post(endpoint(f"http://127.0.0.1:{holder.getsockname()[1]}/"), HEADERS, b"{}", TLS)


async def test_a_host_without_an_address_is_a_failure() -> None:
    with pytest.raises(NoAnswer, match="has no address"):
        await post(endpoint("https://nowhere.invalid/"), HEADERS, b"{}", TLS)


@pytest.mark.parametrize("host", ["127.0.0.1", "0x7f.1", "[::1]", "[::ffff:7f00:1]", "localhost"])
async def test_a_private_address_gets_no_connection(receiver: Receiver, host: str) -> None:
    private = endpoint(f"https://{host}:{receiver.port}/", allow_private=False)

    with pytest.raises(NoAnswer, match="not allowed"):
        await post(private, HEADERS, b"{}", TLS)

    assert receiver.received == []


async def test_a_host_is_looked_up_once_so_that_it_cannot_change_after_the_check(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter(["127.0.0.1", "10.0.0.1"])

    def look_up(host: str, port: int, *_: object) -> list[tuple[Any, ...]]:
        assert host == "rebinding.example"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(answers), port))]

    with monkeypatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", look_up)  # as asyncio calls it
        rebinding = endpoint(f"http://rebinding.example:{receiver.port}/")
        assert (await post(rebinding, HEADERS, b"{}", TLS)).status == 204

    assert next(answers) == "10.0.0.1"
    assert receiver.received[0].headers["host"] == f"rebinding.example:{receiver.port}"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "ca").create()


@pytest.mark.parametrize("host", ["localhost", "other.example"])
async def test_a_certificate_must_have_the_name_of_the_host(authority: Authority, host: str) -> None:
    certificate, server = authority.issue(host), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate.file, certificate.key_file)
    trusting = ssl.create_default_context(cafile=authority.file)

    async with Receiver(tls=server) as receiver:
        sent = post(endpoint(f"https://localhost:{receiver.port}/"), HEADERS, b"{}", trusting)
        if host == "localhost":
            assert (await sent).status == 204
        else:
            with pytest.raises(NoAnswer, match="TLS failed"):
                await sent


async def test_an_unknown_authority_is_refused(authority: Authority) -> None:
    certificate, server = authority.issue("localhost"), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate.file, certificate.key_file)

    async with Receiver(tls=server) as receiver:
        with pytest.raises(NoAnswer, match="TLS failed"):
            await post(endpoint(f"https://localhost:{receiver.port}/"), HEADERS, b"{}", TLS)

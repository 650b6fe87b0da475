"""API keys: the file, the middleware that asks for them, and the owner of a result."""

import asyncio
import logging
import os
from hashlib import sha256
from pathlib import Path

import pytest
from pydantic import SecretStr

from inference_api.clients.__main__ import main
from inference_api.clients.key_file import Keys, read_keys, watch_keys
from inference_api.clients.require_key import ANYONE
from inference_api.process import build_server
from inference_api.settings import ApiSettings
from inference_api.watched_file import WatchedFile
from inference_bridge.errors import ConfigurationError
from tests.support.clock import Clock
from tests.unit.api.conftest import TIMEOUT_S, Service, a_picture

MODELS = "mnist_model.spec:SPEC"
ALICE, BOB = "alice's key", "bob's key"


def digest(key: str) -> str:
    return sha256(key.encode()).hexdigest()


def lines(name: str, *keys: str, more: str = "") -> str:
    return f"[{name}]\nsha256 = {[digest(key) for key in keys]}\n{more}\n"


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "keys.toml"
    path.write_text(lines("alice", ALICE) + lines("bob", BOB))
    return path


@pytest.fixture
def settings(key_file: Path) -> ApiSettings:
    return ApiSettings(
        port=0, operations_port=0, max_bytes=100_000, max_wait_s=5, queue_max_length=3, api_keys_file=key_file
    )


@pytest.fixture
def alice(service: Service) -> Service:
    service.client.headers.update(bearer(ALICE))
    return service


def named(keys: WatchedFile[Keys], key: str) -> str | None:
    holder = keys.current().holder(key.encode())
    return None if holder is None else holder.name


# The file


def test_a_client_may_have_several_keys_while_one_is_rotated_out(tmp_path: Path) -> None:
    path = tmp_path / "keys.toml"
    path.write_text(lines("alice", "old", "new"))

    keys = watch_keys(path)

    assert (named(keys, "old"), named(keys, "new"), named(keys, "other")) == ("alice", "alice", None)


def test_a_file_from_an_editor_that_writes_a_bom_is_read(tmp_path: Path) -> None:
    path = tmp_path / "keys.toml"
    path.write_text(lines("alice", ALICE), "utf-8-sig")

    assert named(watch_keys(path), ALICE) == "alice"


def test_limits_are_read_with_the_keys(tmp_path: Path) -> None:
    path = tmp_path / "keys.toml"
    path.write_text(lines("alice", ALICE, more="rate_per_s = 50\nmax_in_flight = 1000"))

    client = read_keys(path).holder(ALICE.encode())

    assert client is not None
    assert (client.rate_per_s, client.max_in_flight) == (50, 1000)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param("", "has no client", id="empty"),
        pytest.param("[alice", "cannot be read", id="not-toml"),
        pytest.param("a = " + "[" * 5_000, "cannot be read", id="nested-too-deep"),
        pytest.param("[alice]", r"wrong in \[alice\] \(sha256: Field required", id="no-hash"),
        pytest.param("[alice]\nsha256 = []", "sha256: List should have at least 1 item", id="no-hashes"),
        pytest.param('[alice]\nsha256 = ["abc"]', "sha256.0: String should match", id="a-short-hash"),
        pytest.param(
            lines("alice", ALICE, more="rate_per_s = 0"), "rate_per_s: Input should be greater than", id="no-rate"
        ),
        pytest.param(lines("alice", ALICE, more="rate_per_s = nan"), "rate_per_s: Input should be", id="a-rate-of-nan"),
        pytest.param(
            lines("alice", ALICE, more='max_in_flight = "many"'),
            "max_in_flight: Input should be a valid integer",
            id="a-word-for-a-number",
        ),
        pytest.param(
            lines("alice", ALICE, more="rate = 5"), "rate: Extra inputs are not permitted", id="an-unknown-setting"
        ),
        pytest.param(lines("alice", ALICE, more='name = "bob"'), "wrong entry 'alice'", id="a-second-name"),
        pytest.param("alice = 1", "wrong entry 'alice'", id="no-table"),
        pytest.param(lines('"a b"', ALICE), "name: String should match pattern", id="a-space-in-a-name"),
        pytest.param(lines("alice", ALICE) + lines("bob", ALICE), "holds a key twice", id="a-key-of-two-clients"),
    ],
)
def test_a_wrong_file_is_named_with_its_fault(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "keys.toml"
    path.write_text(text)

    with pytest.raises(ConfigurationError, match=reason) as caught:
        watch_keys(path)

    assert str(path) in str(caught.value)


def test_a_missing_file_ends_the_start(tmp_path: Path) -> None:
    settings = ApiSettings(
        ticket_key=SecretStr("a key of sixteen"), models=MODELS, api_keys_file=tmp_path / "missing.toml"
    )

    with pytest.raises(ConfigurationError, match="cannot be read"):
        build_server(settings)


def test_a_key_that_was_pasted_for_its_digest_is_not_shown(tmp_path: Path) -> None:
    path = tmp_path / "keys.toml"
    path.write_text('[alice]\nsha256 = ["a-secret-key"]')

    with pytest.raises(ConfigurationError) as caught:
        watch_keys(path)

    assert "a-secret-key" not in str(caught.value)


def test_a_changed_file_is_read_again_after_a_second(key_file: Path) -> None:
    clock = Clock()
    keys = watch_keys(key_file, clock=clock)
    key_file.write_text(lines("carol", "carol's key"))

    before = named(keys, ALICE), named(keys, "carol's key")
    clock.now_s += 1
    after = named(keys, ALICE), named(keys, "carol's key")

    assert (before, after) == (("alice", None), (None, "carol"))


def test_a_file_put_in_its_place_is_read_even_with_the_same_time_and_size(key_file: Path, tmp_path: Path) -> None:
    clock = Clock()
    keys = watch_keys(key_file, clock=clock)
    status = key_file.stat()
    other = tmp_path / "other.toml"
    other.write_text(lines("alice", "her new key") + lines("bob", BOB))
    os.utime(other, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert other.stat().st_size == status.st_size
    other.replace(key_file)

    clock.now_s += 1

    assert named(keys, "her new key") == "alice"


def test_a_broken_or_vanished_file_keeps_the_old_keys_and_is_logged_once(
    key_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Clock()
    keys = watch_keys(key_file, clock=clock)

    for break_it in (lambda: key_file.write_text("[broken"), key_file.unlink):
        break_it()
        for _ in range(3):
            clock.now_s += 1
            assert named(keys, ALICE) == "alice"

    errors = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert [record.getMessage() for record in errors] == ["key file is wrong, the old keys stay"] * 2


def test_the_command_prints_a_key_and_lines_that_let_it_in(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["alice"])
    key, _, table = capsys.readouterr().out.partition("\n")[2].partition("\n\n")
    path = tmp_path / "keys.toml"
    path.write_text(table.partition("\n")[2])

    assert len(key) == 43
    assert named(watch_keys(path), key) == "alice"


@pytest.mark.parametrize("arguments", [[], ["a b"], ["alice", "bob"]], ids=["none", "a-space", "two"])
def test_the_command_refuses_what_is_no_name(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(arguments)

    assert "usage" in capsys.readouterr().err


# The way in


@pytest.mark.parametrize("path", ["/models", "/openapi.json", "/result/x", "/nothing", "/healthz/"])
@pytest.mark.parametrize(
    "headers",
    [
        {},
        bearer("nobody's"),
        {"Authorization": "Bearer"},
        {"Authorization": f"Basic {ALICE}"},
        {"Authorization": ALICE},
    ],
    ids=["none", "nobodys", "empty", "basic", "bare"],
)
async def test_without_a_known_key_every_call_is_refused(service: Service, path: str, headers: dict[str, str]) -> None:
    response = await service.client.get(path, headers=headers)

    assert (response.status_code, response.json()["code"]) == (401, "unauthorized")
    assert response.headers["www-authenticate"] == "Bearer"
    assert response.headers["content-type"] == "application/problem+json"


async def test_two_authorization_headers_are_none(service: Service) -> None:
    both = [("Authorization", f"Bearer {ALICE}"), ("Authorization", f"Bearer {BOB}")]

    assert (await service.client.get("/models", headers=both)).status_code == 401


async def test_probes_need_no_key(service: Service) -> None:
    assert (await service.client.get("/healthz")).status_code == 200
    assert (await service.client.get("/readyz")).status_code == 200
    assert (await service.client.get("/serving")).status_code == 200


async def test_a_known_key_opens_every_call(alice: Service) -> None:
    inference_id = (await alice.submit()).json()["inference_id"]
    await alice.answer(inference_id)

    assert (await alice.client.get(f"/result/{inference_id}")).json()["status"] == "succeeded"
    for path in ("/models", "/openapi.json"):
        assert (await alice.client.get(path)).status_code == 200


async def test_the_scheme_is_taken_in_any_case(service: Service) -> None:
    headers = {"Authorization": f"bEARER  {ALICE}"}

    assert (await service.client.get("/models", headers=headers)).status_code == 200


async def test_a_body_is_refused_before_any_of_it_came(service: Service) -> None:
    reader, writer = await asyncio.open_connection(service.client.base_url.host, service.client.base_url.port)
    writer.write(b"POST /classify HTTP/1.1\r\nHost: x\r\nContent-Length: 50000\r\n\r\n")

    answer = await asyncio.wait_for(reader.readline(), TIMEOUT_S)

    assert answer.startswith(b"HTTP/1.1 401 ")
    writer.close()


async def test_refusals_are_counted(service: Service) -> None:
    await service.submit()

    assert 'inference_http_responses_total{call="none",model="",status="401"} 1.0' in await service.metrics()


async def test_a_key_never_reaches_an_answer_or_the_log(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    response = await service.client.get("/models", headers=bearer("a-secret-key"))

    assert "a-secret-key" not in response.text + caplog.text


# Whose a result is


async def test_a_result_of_another_client_is_as_unknown_as_one_never_issued(alice: Service) -> None:
    inference_id = (await alice.submit()).json()["inference_id"]
    await alice.answer(inference_id)
    never = alice.signer.issue(1, "nobody")

    foreign, unknown = [await alice.client.get(f"/result/{one}", headers=bearer(BOB)) for one in (inference_id, never)]

    assert (foreign.status_code, foreign.json()["code"]) == (404, "unknown_id")
    assert foreign.text.replace(inference_id, never) == unknown.text


async def test_a_job_of_another_client_cannot_be_canceled(alice: Service) -> None:
    inference_id = (await alice.submit()).json()["inference_id"]

    foreign = await alice.client.post(f"/result/{inference_id}/cancel", headers=bearer(BOB))

    assert (foreign.status_code, foreign.json()["code"]) == (404, "unknown_id")
    assert (await alice.client.post(f"/result/{inference_id}/cancel")).json()["status"] == "canceled"


async def test_an_idempotency_key_is_its_owners_alone(alice: Service) -> None:
    mine = await alice.submit(a_picture(1), **{"Idempotency-Key": "one"})
    again = await alice.submit(a_picture(1), **{"Idempotency-Key": "one"})
    theirs = await alice.submit(a_picture(2), **{"Idempotency-Key": "one"}, **bearer(BOB))

    assert mine.json()["inference_id"] == again.json()["inference_id"]
    assert theirs.status_code == 202
    assert theirs.json()["inference_id"] != mine.json()["inference_id"]


async def test_the_openapi_describes_keys_and_what_is_refused(alice: Service) -> None:
    schema = (await alice.client.get("/openapi.json")).json()

    assert schema["components"]["securitySchemes"]["key"]["scheme"] == "bearer"
    assert schema["security"] == [{"key": []}, {}]
    assert schema["paths"]["/readyz"]["get"]["security"] == schema["paths"]["/serving"]["get"]["security"] == []
    assert set(schema["paths"]["/classify"]["post"]["responses"]) >= {"401", "429"}
    assert "401" in schema["paths"]["/result/{inference_id}"]["get"]["responses"]


def test_anyone_has_no_name_and_no_limits() -> None:
    assert (ANYONE.name, ANYONE.rate_per_s, ANYONE.max_in_flight) == ("", None, None)

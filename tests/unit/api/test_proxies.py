"""The API behind a proxy that ends TLS or puts a path before all calls."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from pydantic import ValidationError

from inference_api.settings import ApiSettings
from inference_bridge.results import produced
from tests.unit.api.conftest import Service, a_picture
from tests.unit.api.several import ALL, PAINT, Several, serving, some_settings
from tests.unit.api.test_keys import ALICE, lines


@pytest.fixture
async def several(tmp_path: Path) -> AsyncIterator[Several]:
    async with serving(ALL, some_settings(path_prefix="/digits", default_model="paint")) as several:
        yield several


@pytest.mark.parametrize("path", ["/classify/", "/models/mnist/", "/result/x/", "/docs/"])
async def test_no_redirect_names_a_host_or_a_scheme(service: Service, path: str) -> None:
    headers = {"Host": "d.example", "X-Forwarded-Proto": "https"}
    response = await service.client.post(path, headers=headers)

    assert response.status_code == 404
    assert "location" not in response.headers


@pytest.mark.parametrize("call", ["/classify", "/models/paint"])
@pytest.mark.parametrize("kept", ["", "/digits"])
async def test_every_link_begins_with_the_prefix_whether_the_proxy_strips_it_or_not(
    several: Several, call: str, kept: str
) -> None:
    async def follow(link: str) -> httpx.Response:
        assert link.startswith("/digits/")
        return await several.client.get(kept + link.removeprefix("/digits"))

    accepted = await several.client.post(kept + call, content=a_picture())
    inference_id = accepted.json()["inference_id"]
    assert (await follow(accepted.headers["location"])).json()["status"] == "pending"
    early = await several.client.get(f"{kept}/models/paint/result/{inference_id}/output")
    await several.served["paint"].store.put([produced(inference_id, b"a picture", "image/png", PAINT)])
    result = (await follow(accepted.headers["location"])).json()
    described = (await several.client.get(f"{kept}/models/paint")).json()

    assert "wait at /digits/models/paint/result/" in early.json()["detail"]
    assert (await follow(result["output"]["href"])).content == b"a picture"
    assert (await follow(described["urls"]["example"])).content == PAINT.example
    assert all(url.startswith("/digits/") for url in described["urls"].values())


@pytest.mark.parametrize("kept", ["", "/digits"])
async def test_the_documentation_is_found_behind_the_prefix(several: Several, kept: str) -> None:
    page = await several.client.get(f"{kept}/docs")
    script = await several.client.get(f"{kept}/docs/docs.js")
    description = (await several.client.get(f"{kept}/openapi.json")).json()
    missing = await several.client.get(f"{kept}/nothing")

    assert 'src="docs/docs.js"' in page.text
    assert "'openapi.json'" in script.text
    assert description["servers"] == [{"url": "/digits"}]
    assert "/models/paint" in description["paths"]
    assert "see /digits/docs for the calls" in missing.json()["detail"]


@pytest.mark.parametrize("kept", ["", "/digits"])
async def test_health_needs_no_key_behind_the_prefix(tmp_path: Path, kept: str) -> None:
    (path := tmp_path / "keys.toml").write_text(lines("alice", ALICE))
    async with serving([PAINT], some_settings(path_prefix="/digits", api_keys_file=path)) as one:
        assert (await one.client.get(f"{kept}/readyz")).status_code == 200
        assert (await one.client.get(f"{kept}/models")).status_code == 401


@pytest.mark.parametrize("prefix", ["digits", "/digits/", "/", "//x", "https://a.example/digits", "/a b"])
def test_what_is_not_a_path_is_refused(prefix: str) -> None:
    with pytest.raises(ValidationError, match="is not a path; write /NAME"):
        ApiSettings(path_prefix=prefix)

"""The page at `/` and the documentation at `/docs`: files that need no key and lead nowhere else."""

import re
from collections.abc import AsyncIterator
from importlib.resources import files
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from inference_api.page.routes import page_routes
from inference_api.settings import ApiSettings
from inference_bridge.kinds import Picture
from tests.unit.api.conftest import Service, a_picture
from tests.unit.api.several import ALL, PAINT, TEXT, Several, serving, some_settings
from tests.unit.api.test_keys import ALICE, bearer, lines

PAGES = [route.path for route in page_routes(is_shown=True, prefix="")]
#: What a file of a page loads or opens.
LINKS = re.compile(r"""(?:src|href)=["']([^"'#]+)|url\(["']?([^"')]+)|from ["']([^"']+)|https?://""")


@pytest.fixture
async def several() -> AsyncIterator[Several]:
    async with serving() as api:
        yield api


async def test_the_root_is_a_page(service: Service) -> None:
    response = await service.client.get("/")

    assert (response.status_code, response.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert response.content == (await service.client.get("/page")).content


def test_every_link_of_a_page_leads_to_a_file_of_the_pages_or_a_call() -> None:
    for file in files("inference_api.page").iterdir():
        if file.name.endswith((".html", ".css", ".js")):
            for link in LINKS.finditer(file.read_text()):
                target = next(filter(None, link.groups()), "")
                assert f"/{target}" in PAGES or f"/page/{target.removeprefix('./')}" in PAGES, (file.name, link[0])


@pytest.mark.parametrize("path", PAGES)
async def test_a_file_of_a_page_is_answered_with_its_type(service: Service, path: str) -> None:
    response = await service.client.get(path)

    expected = {"": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
    assert response.headers["content-type"].startswith(expected[Path(path).suffix])
    assert response.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", ["/", "/docs"])
async def test_a_browser_loads_nothing_from_elsewhere(service: Service, path: str) -> None:
    policy = (await service.client.get(path)).headers["content-security-policy"]

    sources = {source for rule in policy.split("; ") for source in rule.split()[1:]}
    assert policy.startswith("default-src 'none'; script-src 'self'; ")
    assert sources <= ({"'self'", "'none'"} if path == "/" else {"'self'", "'none'", "'unsafe-inline'", "data:"})


async def test_large_scripts_may_be_kept_by_a_browser(service: Service) -> None:
    response = await service.client.get("/docs/swagger-ui-bundle.js")

    assert response.headers.get_list("cache-control") == ["max-age=3600"]


async def test_the_pages_need_no_key_and_the_calls_do(tmp_path: Path) -> None:
    (path := tmp_path / "keys.toml").write_text(lines("alice", ALICE))
    async with serving([TEXT], some_settings(api_keys_file=path)) as one:
        assert {(await one.client.get(page)).status_code for page in PAGES} == {200}
        assert (await one.client.get("/models")).status_code == 401
        assert (await one.client.get("/models", headers=bearer(ALICE))).status_code == 200


@pytest.mark.parametrize("path", ["/", "/docs"])
async def test_without_the_page_everything_needs_a_key(tmp_path: Path, path: str) -> None:
    (keys := tmp_path / "keys.toml").write_text(lines("alice", ALICE))
    async with serving([TEXT], some_settings(api_keys_file=keys, page=False)) as one:
        assert (await one.client.get(path)).status_code == 401


@pytest.mark.parametrize("prefix", ["", "/digits"])
async def test_without_the_page_the_root_leads_to_the_documentation(prefix: str) -> None:
    async with serving([TEXT], some_settings(page=False, path_prefix=prefix)) as one:
        root = await one.client.get("/")

        assert (root.status_code, root.headers["location"]) == (307, f"{prefix}/docs")
        assert (await one.client.get("/docs")).status_code == 200
        assert (await one.client.get("/page")).status_code == 404


def test_the_page_is_there_unless_it_is_switched_off() -> None:
    assert ApiSettings().page


# What the model sees


async def test_a_preview_is_the_prepared_picture(service: Service) -> None:
    response = await service.client.post("/models/mnist/preview", content=a_picture())
    await service.submit(a_picture())

    image = Image.open(BytesIO(response.content))
    assert (response.headers["content-type"], image.format, image.mode) == ("image/png", "PNG", "L")
    assert image.tobytes() == service.broker.jobs[-1].body


async def test_a_preview_has_the_colours_and_the_size_that_the_model_takes(several: Several) -> None:
    response = await several.client.post("/models/paint/preview", content=a_picture())

    assert isinstance(PAINT.takes, Picture)
    image = Image.open(BytesIO(response.content))
    assert (image.mode, image.size) == (PAINT.takes.mode, (PAINT.takes.width, PAINT.takes.height))
    assert not several.served["paint"].broker.jobs


async def test_a_picture_that_cannot_be_prepared_has_no_preview(several: Several) -> None:
    response = await several.client.post("/models/paint/preview", content=b"no picture")

    assert (response.status_code, response.json()["code"]) == (415, "unsupported_image")


@pytest.mark.parametrize("spec", [one for one in ALL if one is not PAINT], ids=lambda spec: spec.name)
async def test_only_a_picture_has_a_preview(several: Several, spec: object) -> None:
    name = getattr(spec, "name", "")
    response = await several.client.post(f"/models/{name}/preview", content=b"x")

    assert (response.status_code, response.json()["code"]) == (404, "not_found")


async def test_a_preview_counts_towards_the_rate_of_its_client(tmp_path: Path) -> None:
    (path := tmp_path / "keys.toml").write_text(lines("alice", ALICE, more="rate_per_s = 0.1"))
    async with serving([PAINT], some_settings(api_keys_file=path)) as one:
        calls = [
            await one.client.post("/models/paint/preview", content=a_picture(), headers=bearer(ALICE)) for _ in "12"
        ]

    assert [call.status_code for call in calls] == [200, 429]


async def test_a_preview_needs_no_place_in_flight(tmp_path: Path) -> None:
    (path := tmp_path / "keys.toml").write_text(lines("alice", ALICE, more="max_in_flight = 1"))
    async with serving([PAINT], some_settings(api_keys_file=path)) as one:
        await one.submit("paint", a_picture(), headers=bearer(ALICE))
        preview = await one.client.post("/models/paint/preview", content=a_picture(), headers=bearer(ALICE))

    assert preview.status_code == 200

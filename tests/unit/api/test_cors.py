"""Pages of other origins, as browsers ask for them."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from inference_api.settings import ApiSettings
from tests.unit.api.conftest import Service, a_picture
from tests.unit.api.test_keys import ALICE, bearer, lines

PAGE = "https://page.example"
PREFLIGHT = {
    "Origin": PAGE,
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization,content-type,idempotency-key,prefer",
}


@pytest.fixture
def origins() -> str:
    return PAGE


@pytest.fixture
def has_keys() -> bool:
    return False


@pytest.fixture
def settings(settings: ApiSettings, origins: str, has_keys: bool, tmp_path: Path) -> ApiSettings:
    (path := tmp_path / "keys.toml").write_text(lines("alice", ALICE))
    return settings.model_copy(update={"cors_origins": origins, "api_keys_file": path if has_keys else None})


@pytest.mark.parametrize(
    "path", ["/classify", "/result/x", "/models", "/models/mnist", "/models/mnist/result/x/output"]
)
@pytest.mark.parametrize("has_keys", [False, True])
@pytest.mark.parametrize("origins", [PAGE, f"https://other.example,{PAGE}", "*"])
async def test_a_page_of_an_allowed_origin_may_ask_without_a_key(service: Service, path: str) -> None:
    response = await service.client.options(path, headers=PREFLIGHT)

    assert response.status_code == 200
    assert response.headers["access-control-allow-origin"] in (PAGE, "*")
    assert "POST" in response.headers["access-control-allow-methods"]


@pytest.mark.parametrize("has_keys", [True])
async def test_a_page_may_submit_and_read_where_its_result_will_be(service: Service) -> None:
    headers = {"Origin": PAGE, **bearer(ALICE)}
    accepted = await service.client.post("/classify", content=a_picture(), headers=headers)
    refused = await service.client.post("/classify", content=b"", headers={"Origin": PAGE})

    assert (accepted.status_code, accepted.headers["access-control-allow-origin"]) == (202, PAGE)
    assert {"Location", "Retry-After"} <= set(accepted.headers["access-control-expose-headers"].split(", "))
    assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (401, PAGE)


async def test_a_page_of_another_origin_may_not(service: Service) -> None:
    headers = {**PREFLIGHT, "Origin": "https://evil.example"}

    assert (await service.client.options("/classify", headers=headers)).status_code == 400
    assert "access-control-allow-origin" not in (await service.client.get("/models", headers=headers)).headers


@pytest.mark.parametrize("origins", [""])
@pytest.mark.parametrize("has_keys", [False, True])
async def test_without_the_setting_no_page_may_and_no_preflight_is_a_401(service: Service) -> None:
    response = await service.client.options("/classify", headers=PREFLIGHT)

    assert response.status_code == 405
    assert "access-control-allow-origin" not in response.headers


@pytest.mark.parametrize("origins", ["page.example", "https://page.example/", "https://*.example", "null", "*,x"])
def test_what_is_not_an_origin_is_refused(origins: str) -> None:
    with pytest.raises(ValidationError, match="is not an origin; write https://HOST"):
        ApiSettings(cors_origins=origins)


def test_spaces_between_origins_are_passed_over() -> None:
    assert ApiSettings(cors_origins=f"{PAGE}, http://[::1]:3000").cors_origins == f"{PAGE},http://[::1]:3000"

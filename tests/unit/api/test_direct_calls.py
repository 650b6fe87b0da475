import httpx
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, Router
from starlette.types import Receive, Scope, Send

from inference_api.http.direct_calls import DirectCalls
from inference_bridge.errors import QueueFull
from tests.unit.api.conftest import Service


async def submit(request: Request) -> Response:
    match request.path_params["name"]:
        case "full":
            raise QueueFull("the queue is full; try again later")
        case "broken":
            raise ZeroDivisionError
        case name:
            return PlainTextResponse(f"direct: {name}")


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    await PlainTextResponse(f"application: {scope['path']}")(scope, receive, send)


def client_of(root_path: str = "") -> httpx.AsyncClient:
    paths = ["/models/digits", "/models/full", "/models/broken", "/elsewhere"]
    app = DirectCalls(application, [Route("/models/{name}", submit, methods=["POST"])], paths)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app, root_path=root_path), base_url="http://test")


async def test_a_post_to_a_named_path_is_answered_by_its_route() -> None:
    answer = await client_of().post("/models/digits")

    assert answer.text == "direct: digits"


@pytest.mark.parametrize("path", ["/digits/models/digits", "/models/digits"])
async def test_the_prefix_of_a_proxy_does_not_count(path: str) -> None:
    answer = await client_of(root_path="/digits").post(path)

    assert answer.text == "direct: digits"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        pytest.param("GET", "/models/digits", id="another method"),
        pytest.param("POST", "/models/letters", id="a path that is not named"),
        pytest.param("POST", "/elsewhere", id="a path without a route"),
        pytest.param("POST", "/models/digits/", id="a slash more"),
    ],
)
async def test_every_other_call_goes_to_the_application(method: str, path: str) -> None:
    answer = await client_of().request(method, path)

    assert answer.text == f"application: {path}"


async def test_an_error_of_ours_is_a_problem() -> None:
    answer = await client_of().post("/models/full")

    assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")
    assert answer.json()["code"] == "queue_full"


async def test_a_defect_goes_on_to_the_application_server() -> None:
    with pytest.raises(ZeroDivisionError):
        await client_of().post("/models/broken")


async def test_submissions_do_not_pass_the_router(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    passed: list[str] = []
    route = Router.__call__

    async def route_and_note(router: Router, scope: Scope, receive: Receive, send: Send) -> None:
        passed.append(scope["path"])
        await route(router, scope, receive, send)

    monkeypatch.setattr(Router, "__call__", route_and_note)

    await service.submit()
    await service.client.post("/models/mnist", content=b"no picture")
    await service.client.get("/models")

    assert passed == ["/models"]

"""The page at `/` in a real browser; the tests play the worker, but for one test with the real model."""

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import FilePayload, Route, expect

from inference_bridge.jobs import Job
from inference_bridge.results import Result, answered, classified, failed, produced
from inference_bridge.spec import ModelSpec
from mnist_model.spec import SPEC
from tests.support.browser import NEEDS_BROWSER, Visit, visiting
from tests.support.embedded import running_embedded
from tests.support.pictures import encoded, sample
from tests.support.waiting import until
from tests.unit.api.several import ALL, PAINT, TEXT, TREE, VOICE, Several, last_job, serving, some_settings
from tests.unit.api.test_keys import ALICE, lines

pytestmark = NEEDS_BROWSER
MODELS = [SPEC, *ALL]
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
#: Most answers and bytes of the page's first load: the files, the list of the models, and one model.
MOST_ANSWERS, MOST_BYTES = 14, 60_000
#: The place is an estimate, so it may be one more or less.
A_PLACE = re.compile("Waiting, no worker yet, [234] ahead")


@pytest.fixture
async def several() -> AsyncIterator[Several]:
    async with serving(MODELS) as api:
        yield api


def url_of(several: Several, path: str = "/") -> str:
    return str(several.client.base_url).rstrip("/") + path


async def accepted(several: Several, model: str) -> Job:
    """Return the job that the page has submitted."""
    await until(lambda: several.served[model].broker.jobs)
    return last_job(several, model)


async def store(several: Several, model: str, result: Result) -> None:
    await several.served[model].store.put([result])


async def serious_violations(visit: Visit) -> list[str]:
    found = (await Axe().run(visit.page)).response["violations"]
    return [f"{one['id']}: {one['nodes'][0]['html']}" for one in found if one["impact"] in ("serious", "critical")]


def an_answer(spec: ModelSpec, inference_id: str) -> Result:
    """Return a result of the kind that the model answers."""
    match spec.answers.kind:
        case "probabilities":
            count = spec.answers.count
            return classified(inference_id, [float(one == count - 1) for one in range(count)], spec)
        case "json":
            return answered(inference_id, b'{"name":"' + b"elm" * 90 + b'","weight":2.5,"branches":[]}', spec)
        case _:
            return produced(inference_id, encoded(sample("three")), "image/png", spec)


async def ask(visit: Visit, several: Several, spec: ModelSpec) -> None:
    """Send the model's example and answer it."""
    upload = SPEC.example if spec is PAINT else spec.example
    file: FilePayload = {"name": "an input", "mimeType": "application/octet-stream", "buffer": upload}
    if spec.takes.kind in ("picture", "tensor", "file"):
        await visit.page.set_input_files("#file", file)
    else:
        await visit.page.click("#example")
        await expect(visit.page.locator("#text")).not_to_be_empty()
    await visit.page.click("#send")
    job = await accepted(several, spec.name)
    await store(several, spec.name, an_answer(spec, job.inference_id))
    await expect(visit.page.locator("#line li").last).to_contain_text("Answered")


# With the real model


async def test_a_drawn_three_is_a_three(tmp_path: Path) -> None:
    # It starts before the page is asked for, so it may hold the loop.
    with running_embedded(tmp_path) as (_, url):
        async with visiting(f"{url}/") as visit:
            await visit.draw()
            await visit.page.click("#send")
            await expect(visit.page.locator(".best strong")).to_have_text("3")
            await expect(visit.page.locator("#seen canvas")).to_be_visible()

            steps = await visit.page.locator("#line span").all_inner_texts()
            assert steps[1:] == ["Waited in the queue", "Ran in a batch of 1", "Answered, in all"]
            assert await visit.page.locator(".bars li").count() == 10
            assert await visit.page.evaluate("document.querySelector('#seen canvas').width") == 28
            assert visit.complaints == []


# What a browser loads


async def test_the_first_load_is_small_and_comes_from_here(several: Several) -> None:
    async with visiting(url_of(several)) as visit:
        await expect(visit.page.locator("#work")).to_be_visible()
        sizes = [len(await answer.body()) for answer in list(visit.answers)]

        assert {answer.url.split("/")[2] for answer in visit.answers} == {url_of(several).split("/")[2]}
        assert len(sizes) <= MOST_ANSWERS
        assert sum(sizes) <= MOST_BYTES
        assert visit.complaints == []


async def test_the_documentation_shows_every_call_without_the_internet(several: Several) -> None:
    async with visiting(url_of(several, "/docs")) as visit:
        await expect(visit.page.locator(".opblock").first).to_be_visible()

        assert await visit.page.locator(".opblock").count() > len(MODELS) * 4
        assert {answer.url.split("/")[2] for answer in visit.answers} == {url_of(several).split("/")[2]}
        assert visit.complaints == []


async def test_behind_a_prefix_the_page_works() -> None:
    async with serving([TEXT], some_settings(path_prefix="/digits")) as several:
        for path in ("/digits/", "/digits/page"):
            async with visiting(url_of(several, path)) as visit:
                await expect(visit.page.locator("#name")).to_have_text(TEXT.name)
                await visit.page.click("#example")
                await expect(visit.page.locator("#text")).to_have_value("grüße")

                assert visit.complaints == []


# Every kind of model


@pytest.mark.parametrize("spec", MODELS, ids=lambda spec: spec.name)
async def test_a_model_of_every_kind_gets_its_input_and_shows_its_answer(several: Several, spec: ModelSpec) -> None:
    async with visiting(url_of(several, f"/#{spec.name}")) as visit:
        await ask(visit, several, spec)
        job = last_job(several, spec.name)

        shown = {"probabilities": ".best strong", "json": "pre", "bytes": "#answer canvas"}[spec.answers.kind]
        await expect(visit.page.locator(shown)).to_be_visible()
        assert await visit.page.locator("#job code").inner_text() == job.inference_id
        assert await serious_violations(visit) == []
        assert visit.complaints == []


@pytest.mark.parametrize("spec", MODELS, ids=lambda spec: spec.name)
async def test_a_phone_needs_no_scrolling_to_the_side(several: Several, spec: ModelSpec) -> None:
    async with visiting(url_of(several, f"/#{spec.name}"), **PHONE) as visit:
        await ask(visit, several, spec)

        assert await visit.width() == 390


async def test_parameters_are_a_form_and_only_what_is_given_is_sent(several: Several) -> None:
    async with visiting(url_of(several, "/#voice")) as visit:
        await visit.page.fill("[name=threshold]", "0.75")
        await visit.page.select_option("[name=speed]", "fast")
        await ask(visit, several, VOICE)

    assert json.loads(last_job(several, "voice").params) == {"threshold": 0.75, "speed": "fast"}


async def test_an_output_is_saved_as_a_file(several: Several) -> None:
    async with visiting(url_of(several, "/#paint")) as visit:
        await ask(visit, several, PAINT)
        async with visit.page.expect_download() as download:
            await visit.page.click("#answer button")
        saved = await (await download.value).path()

        assert saved.read_bytes() == encoded(sample("three"))


# The life of a job


async def test_a_waiting_job_can_be_canceled(several: Several) -> None:
    async with visiting(url_of(several, "/#text-2")) as visit:
        await visit.page.click("#example")
        await visit.page.click("#send")
        await expect(visit.page.locator("#line li.now")).to_contain_text("Waiting, no worker yet")
        await visit.page.click("#cancel")

        await expect(visit.page.locator("#line li").last).to_contain_text("Canceled")
        assert visit.complaints == []


async def test_a_waiting_job_says_how_many_are_ahead_of_it(several: Several) -> None:
    for _ in range(3):
        await several.submit("text-2", TEXT.example)
    async with visiting(url_of(several, "/#text-2")) as visit:
        await visit.page.click("#example")
        await visit.page.click("#send")

        await expect(visit.page.locator("#line li.now")).to_have_text(A_PLACE)


async def test_a_failed_job_says_why(several: Several) -> None:
    async with visiting(url_of(several, "/#text-2")) as visit:
        await visit.page.click("#example")
        await visit.page.click("#send")
        job = await accepted(several, "text-2")
        await store(several, "text-2", failed(job.inference_id, "invalid_input", "the text is too odd"))

        await expect(visit.page.locator("#answer")).to_contain_text("the text is too odd")


async def test_the_page_says_how_many_jobs_wait_and_how_many_workers_there_are(several: Several) -> None:
    async with visiting(url_of(several, "/#tree")) as visit:
        await several.submit("tree", TREE.example)

        await expect(visit.page.locator("#queue")).to_have_text("1 waiting · 0 workers")


async def test_a_refused_input_is_explained_in_the_words_of_the_service(several: Several) -> None:
    async with visiting(url_of(several, "/#tree")) as visit:
        await visit.page.fill("#text", '{"weight":1}')
        await visit.page.click("#send")

        await expect(visit.page.locator("#problem")).to_contain_text("the document breaks a rule of the model")


async def test_a_lost_answer_makes_no_second_job_and_a_lost_stream_is_opened_again(several: Several) -> None:
    lost: list[str] = []

    async def lose(route: Route) -> None:
        method, url = route.request.method, route.request.url
        if url in lost or (method == "GET" and not url.endswith("/events")):
            await route.continue_()
            return
        lost.append(url)
        if method == "POST":
            await route.fetch()
        await route.abort()

    async with visiting(url_of(several, "/#text-2")) as visit:
        await visit.page.route("**/models/text-2**", lose)
        await visit.page.route("**/events", lose)
        await ask(visit, several, TEXT)

        assert len(lost) == 2
        assert len(several.served["text-2"].broker.jobs) == 1


# Keys, many files, and other ways to use it


async def test_a_service_with_keys_asks_for_one_and_forgets_it_with_the_tab(tmp_path: Path) -> None:
    (path := tmp_path / "keys.toml").write_text(lines("alice", ALICE))
    async with serving([TEXT], some_settings(api_keys_file=path)) as several, visiting(url_of(several)) as visit:
        for key in ("nobody's", ALICE):
            await expect(visit.page.locator("#key")).to_be_visible()
            await visit.page.fill("#key input", key)
            await visit.page.press("#key input", "Enter")
        await expect(visit.page.locator("#work")).to_be_visible()
        await ask(visit, several, TEXT)

        assert await visit.page.evaluate("localStorage.length + document.cookie.length") == 0
        assert ALICE not in visit.page.url


async def test_many_files_become_a_table_to_download(several: Several, tmp_path: Path) -> None:
    names = ["three.png", 'a "seven".png', "broken.png"]
    contents = [encoded(sample("three")), encoded(sample("seven")), b"no picture"]
    files: list[FilePayload] = [
        {"name": name, "mimeType": "image/png", "buffer": content}
        for name, content in zip(names, contents, strict=True)
    ]
    async with visiting(url_of(several, "/#mnist")) as visit:
        await visit.page.set_input_files("#files", files)
        served = several.served["mnist"]
        await until(lambda: len(served.broker.jobs) == 2)
        for message in served.broker.jobs:
            inference_id = str(message.properties.message_id)
            await store(several, "mnist", classified(inference_id, [float(one == 3) for one in range(10)], SPEC))
        async with visit.page.expect_download() as download:
            await visit.page.click("#download")
        rows = (await (await download.value).path()).read_text().splitlines()
        table = await visit.page.locator("#results tbody").inner_text()

        assert await visit.page.locator("#progress").inner_text() == "3 of 3 done"
        assert table.count("3 (100.0 %)") == 2
        assert rows[0] == '"file","inference_id","status","answer","seconds"'
        assert rows[2].startswith('"a ""seven"".png","')
        assert '"succeeded","3 (100.0 %)"' in rows[2]
        assert '"broken.png","","refused","the file is not a picture' in rows[3]


async def test_the_keyboard_is_enough(several: Several) -> None:
    async with visiting(url_of(several, "/#mnist")) as visit:
        await expect(visit.page.locator("#work")).to_be_visible()
        for _ in range(20):
            if await visit.page.evaluate("document.activeElement.id") == "pad":
                break
            await visit.page.keyboard.press("Tab")
        for key in ("Space", *["ArrowDown"] * 8, "Control+Enter"):
            await visit.page.keyboard.press(key)
        job = await accepted(several, "mnist")

        assert any(job.body)


async def test_a_pasted_picture_is_an_input(several: Several) -> None:
    async with visiting(url_of(several, "/#mnist")) as visit:
        await expect(visit.page.locator("#work")).to_be_visible()
        await visit.page.evaluate(
            """async () => {
                const canvas = document.createElement('canvas');
                const blob = await new Promise((resolve) => canvas.toBlob(resolve));
                const clipboardData = new DataTransfer();
                clipboardData.items.add(new File([blob], 'pasted.png', {type: 'image/png'}));
                document.dispatchEvent(new ClipboardEvent('paste', {clipboardData, bubbles: true}));
            }"""
        )

        await expect(visit.page.locator("#chosen-name")).to_contain_text("pasted.png")
        await expect(visit.page.locator("#chosen")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_the_page_follows_the_colours_of_the_system(several: Several, scheme: Any) -> None:
    async with visiting(url_of(several), color_scheme=scheme) as visit:
        await expect(visit.page.locator("#work")).to_be_visible()
        ground = await visit.page.evaluate("getComputedStyle(document.body).backgroundColor")

        assert (sum(map(int, ground.strip("rgb()").split(","))) < 3 * 128) == (scheme == "dark")
        assert await serious_violations(visit) == []

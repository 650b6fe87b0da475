"""A real browser: the Chromium of the system, driven by Playwright."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from math import cos, radians, sin
from typing import Any

import pytest
from playwright.async_api import Page, Response, async_playwright

#: A visit waits this long for what it expects, in milliseconds: other processes may use the whole machine.
TIMEOUT_MS = 20_000
NAMES = ("chromium", "google-chrome", "chromium-browser", "google-chrome-stable")
MAC = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"
CHROMIUM = next(filter(None, map(shutil.which, (*NAMES, MAC))), None)
NEEDS_BROWSER = pytest.mark.skipif(
    CHROMIUM is None, reason=f"none of {', '.join(NAMES)} is on PATH; install one of them to test the page"
)
#: A three of two arcs, as shares of the width and the height.
THREE = [
    *((0.5 + 0.16 * cos(radians(at)), 0.32 + 0.15 * sin(radians(at))) for at in range(-150, 91, 12)),
    *((0.5 + 0.18 * cos(radians(at)), 0.64 + 0.17 * sin(radians(at))) for at in range(-90, 151, 12)),
]


@dataclass
class Visit:
    """A page in a browser, its answers from servers, and all that it complained about."""

    page: Page
    answers: list[Response] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def note(self, answer: Response) -> None:
        """Remember an answer; Playwright takes no method of a list."""
        self.answers.append(answer)

    async def draw(self) -> None:
        """Draw a three on the pad with the mouse."""
        box = await self.page.locator("#pad").bounding_box()
        assert box is not None
        places = [(box["x"] + right * box["width"], box["y"] + down * box["height"]) for right, down in THREE]
        await self.page.mouse.move(*places[0])
        await self.page.mouse.down()
        for place in places[1:]:
            await self.page.mouse.move(*place, steps=3)
        await self.page.mouse.up()

    async def width(self) -> int:
        """Return the width of all of the page in pixels, with parts that one must scroll to."""
        return int(await self.page.evaluate("document.documentElement.scrollWidth"))


@asynccontextmanager
async def visiting(url: str, **options: Any) -> AsyncIterator[Visit]:
    """Open a URL in a browser of its own; the options are those of Playwright's `new_context`."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM)
        context = await browser.new_context(**options)
        context.set_default_timeout(TIMEOUT_MS)
        visit = Visit(await context.new_page())
        visit.page.on("response", visit.note)
        visit.page.on("pageerror", lambda error: visit.complaints.append(str(error)))
        visit.page.on("console", lambda message: visit.complaints.append(message.text))
        await visit.page.goto(url)
        try:
            yield visit
        finally:
            await browser.close()

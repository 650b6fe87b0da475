"""`python -m tests.integration.page_pictures`: takes the pictures of the page for the README, from a running service.

It also prints when the browser first painted the page. INFERENCE_URL names the service, such as that of `make run`.
"""

import asyncio
import io
import os
from typing import Any

from PIL import Image

from tests.support.browser import visiting
from tests.support.deployment import ROOT

URL = os.environ.get("INFERENCE_URL", "http://127.0.0.1:8000")
DESK: dict[str, Any] = {"viewport": {"width": 1120, "height": 760}}
PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
VIEWS = {
    "light": {**DESK, "color_scheme": "light"},
    "dark": {**DESK, "color_scheme": "dark"},
    "phone": {**PHONE, "color_scheme": "light"},
}
#: Colours in a picture, few enough for a small file.
COLOURS = 128
FIRST_PAINT = "performance.getEntriesByName('first-contentful-paint')[0].startTime"


async def take(name: str, options: dict[str, Any]) -> None:
    """Draw a three, wait for its answer, and write the picture of all of the page."""
    async with visiting(URL, **options) as visit:
        await visit.page.wait_for_selector("#work:visible")
        first_paint_ms = await visit.page.evaluate(FIRST_PAINT)
        await visit.draw()
        await visit.page.click("#send")
        await visit.page.wait_for_selector(".best")
        await visit.page.wait_for_selector("#seen:visible")
        taken = await visit.page.screenshot(full_page=True)
    path = ROOT / f"docs/pictures/page-{name}.png"
    Image.open(io.BytesIO(taken)).convert("RGB").quantize(COLOURS).save(path, optimize=True)
    print(f"{path.relative_to(ROOT)}: {path.stat().st_size:,} bytes; first paint after {first_paint_ms:.0f} ms")


async def main() -> None:
    """Take every picture."""
    for name, options in VIEWS.items():
        await take(name, options)


if __name__ == "__main__":
    asyncio.run(main())

"""The table of `docs/settings.md` is the code's list of settings."""

import re
from typing import Any

import pytest
from pydantic.fields import FieldInfo

from inference_api.settings import ApiSettings
from inference_bridge.settings import ENV_PREFIX, BridgeSettings
from inference_worker.settings import WorkerSettings
from tests.support.deployment import ROOT

PAGE = (ROOT / "docs/settings.md").read_text()


SIDES = {"API and worker": BridgeSettings, "API": ApiSettings, "Worker": WorkerSettings}
"""The headings of the page, and the settings below each."""


def expected_rows(settings: type[BridgeSettings]) -> list[str]:
    shared = {} if settings is BridgeSettings else BridgeSettings.model_fields
    return [row(name, field) for name, field in settings.model_fields.items() if name not in shared]


def listed_rows(heading: str) -> list[str]:
    [section] = re.findall(rf"^## {heading}\n(.*?)^## ", PAGE, re.MULTILINE | re.DOTALL)
    return [line for line in section.splitlines() if line.startswith(f"| `{ENV_PREFIX}")]


def row(name: str, field: FieldInfo) -> str:
    cells = [f"`{ENV_PREFIX}{name.upper()}`", default(field), bounds(field), str(field.description)]
    return "| " + " | ".join(cells) + " |"


def default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value: Any = field.default
    if value in (None, ""):
        return "none"
    value = value.get_secret_value() if hasattr(value, "get_secret_value") else value
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def bounds(field: FieldInfo) -> str:
    limits = {kind: getattr(rule, kind) for rule in field.metadata for kind in ("ge", "le") if hasattr(rule, kind)}
    if limits:
        return f"{limits['ge']:,} to {limits['le']:,}"
    choices = re.findall(r"'(\w+)'", str(field.annotation)) if "Literal" in str(field.annotation) else []
    return ", ".join(f"`{choice}`" for choice in choices)


@pytest.mark.parametrize("heading", SIDES)
def test_the_page_lists_every_setting_with_its_default_and_bounds(heading: str) -> None:
    assert listed_rows(heading) == expected_rows(SIDES[heading])


def test_every_number_has_bounds() -> None:
    for settings in (ApiSettings, WorkerSettings):
        for name, field in settings.model_fields.items():
            if field.annotation in (int, float):
                assert bounds(field), name

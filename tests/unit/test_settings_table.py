"""The table of `docs/settings.md` is the code's list of settings."""

import re
from typing import Any

from pydantic.fields import FieldInfo

from inference_api.settings import ApiSettings
from inference_bridge.settings import ENV_PREFIX, BridgeSettings
from inference_worker.settings import WorkerSettings
from tests.deployment import ROOT

PAGE = (ROOT / "docs/settings.md").read_text()


def expected_rows() -> list[str]:
    rows = []
    for settings, who in ((BridgeSettings, "both"), (ApiSettings, "API"), (WorkerSettings, "worker")):
        for name, field in settings.model_fields.items():
            if settings is BridgeSettings or name not in BridgeSettings.model_fields:
                rows.append(row(name, who, field))
    return rows


def row(name: str, who: str, field: FieldInfo) -> str:
    cells = [f"`{ENV_PREFIX}{name.upper()}`", who, default(field), bounds(field), str(field.description)]
    return "| " + " | ".join(cells) + " |"


def default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value: Any = field.default
    if value is None:
        return "none"
    value = value.get_secret_value() if hasattr(value, "get_secret_value") else value
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def bounds(field: FieldInfo) -> str:
    limits = {kind: getattr(rule, kind) for rule in field.metadata for kind in ("ge", "le") if hasattr(rule, kind)}
    if limits:
        return f"{limits['ge']:,} to {limits['le']:,}"
    choices = re.findall(r"'(\w+)'", str(field.annotation)) if "Literal" in str(field.annotation) else []
    return ", ".join(f"`{choice}`" for choice in choices)


def test_the_page_lists_every_setting_with_its_default_and_bounds() -> None:
    listed = [line for line in PAGE.splitlines() if line.startswith(f"| `{ENV_PREFIX}")]

    assert listed == expected_rows()


def test_every_number_has_bounds() -> None:
    for settings in (ApiSettings, WorkerSettings):
        for name, field in settings.model_fields.items():
            if field.annotation in (int, float):
                assert bounds(field), name

"""The conditions of a figure: the machine that it was measured on, and the versions of servers and packages."""

import os
import platform
from importlib.metadata import version

_PACKAGES = ("fastapi", "pika", "redis", "torch", "uvicorn")


def environment(servers: dict[str, str]) -> dict[str, str]:
    """Return what the figures depend on: the machine, and the versions of servers and packages."""
    return {
        "cpu": f"{os.cpu_count()} cores, {_cpu_model()}",
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        **servers,
        **{f"{name} (Python)": version(name) for name in _PACKAGES},
    }


def _cpu_model() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as cpuinfo:  # noqa: PTH123
            names = [line.partition(":")[2].strip() for line in cpuinfo if line.startswith("model name")]
    except OSError:
        names = []
    return names[0] if names else platform.machine()

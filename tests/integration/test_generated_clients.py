"""Clients that generators make from the OpenAPI description call the service."""

import shutil
import subprocess
import venv
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.deployment import ROOT
from tests.support.embedded import running_embedded
from tests.support.pictures import encoded, sample

HERE, BUILD = Path(__file__).parent / "generators", ROOT / "build" / "generators"
#: Not a requirement of ours: its own requirements would be those of every test.
GENERATOR = "openapi-python-client==0.29.1"


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_embedded(tmp_path_factory.mktemp("service")) as (_, url):
        yield url


@pytest.fixture
def folder(url: str, tmp_path: Path) -> Path:
    """Return a folder with the description, a picture, and the programs that call generated clients."""
    shutil.copytree(HERE, tmp_path, dirs_exist_ok=True)
    (tmp_path / "openapi.json").write_bytes(httpx.get(f"{url}/openapi.json", timeout=30).content)
    (tmp_path / "three.png").write_bytes(encoded(sample("three")))
    return tmp_path


def run(*command: str, cwd: Path) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, f"{' '.join(command)}:\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
    return done.stdout


def is_kept(installed: Path, wanted: str) -> bool:
    """Tell whether `installed` says that what is wanted is there already."""
    return installed.exists() and installed.read_text() == wanted


@pytest.mark.timeout(600)
def test_a_client_of_openapi_python_client_submits_a_picture_and_reads_its_class(url: str, folder: Path) -> None:
    python, installed = BUILD / "python" / "bin" / "python", BUILD / "python" / "installed"
    if not is_kept(installed, GENERATOR):
        venv.create(BUILD / "python", clear=True, with_pip=True)
        try:
            run(str(python), "-m", "pip", "install", "--quiet", GENERATOR, cwd=folder)
        except AssertionError as error:
            pytest.skip(f"{GENERATOR} cannot be installed here: {error}")
        installed.write_text(GENERATOR)

    run(str(python), "-m", "openapi_python_client", "generate", "--path", "openapi.json", "--meta", "none",
        "--output-path", "generated", cwd=folder)  # fmt: skip

    assert run(str(python), "call.py", url, "three.png", cwd=folder).strip() == "3"


@pytest.mark.timeout(600)
def test_a_client_of_openapi_ts_compiles_submits_a_picture_and_reads_its_class(url: str, folder: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm is not installed, so no client for TypeScript was generated")
    wanted, installed = (HERE / "package.json").read_text(), BUILD / "typescript" / "installed"
    if not is_kept(installed, wanted):
        installed.parent.mkdir(parents=True, exist_ok=True)
        (installed.parent / "package.json").write_text(wanted)
        try:
            run(npm, "install", "--no-audit", "--no-fund", "--no-package-lock", cwd=installed.parent)
        except AssertionError as error:
            pytest.skip(f"the generator for TypeScript cannot be installed here: {error}")
        installed.write_text(wanted)
    (folder / "node_modules").symlink_to(installed.parent / "node_modules")

    run("node_modules/.bin/openapi-ts", "--input", "openapi.json", "--output", "generated", cwd=folder)
    run("node_modules/.bin/tsc", "--project", "tsconfig.json", cwd=folder)

    assert run("node", "compiled/call.js", url, "three.png", cwd=folder).strip() == "3"

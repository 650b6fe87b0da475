"""Installs the other servers into an environment of their own, so that they need nothing of ours and change nothing."""

import subprocess
import sysconfig
import venv
from pathlib import Path

REQUIREMENTS = Path(__file__).parent / "requirements.txt"


def install_peers(folder: Path) -> Path:
    """Install what is missing in `folder`; return the path of its Python, which also finds the packages of this one."""
    python, site = folder / "bin" / "python", sysconfig.get_path("purelib")
    installed = folder / REQUIREMENTS.name
    if not installed.exists() or installed.read_text() != REQUIREMENTS.read_text():
        venv.create(folder, clear=True, with_pip=True)
        command = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement", str(REQUIREMENTS)]
        subprocess.run([str(python), *command], check=True)
        # After the installation, so that pip does not count torch and our packages as installed for them.
        packages = sysconfig.get_path("purelib", vars={"base": str(folder)})
        Path(packages, "ours.pth").write_text(f"import site; site.addsitedir({site!r})\n")
        installed.write_text(REQUIREMENTS.read_text())
    return python


def read_versions() -> dict[str, str]:
    """Return the version of each package that is installed for the peers."""
    lines = [line.split("==") for line in REQUIREMENTS.read_text().split()]
    return {name.partition("[")[0]: version for name, version in lines}

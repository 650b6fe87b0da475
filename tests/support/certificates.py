"""A certificate authority of our own, for a test's lifetime."""

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from tests.support.servers import find_program

_KEY = ("-newkey", "rsa:2048", "-nodes")
_DAYS = ("-days", "2")


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate and its private key, PEM files."""

    file: Path
    key_file: Path


class Authority:
    """Signs certificates for servers; its own is in `file`."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory
        self.file = directory / "ca.pem"
        self._key_file = directory / "ca.key"

    def create(self) -> Self:
        """Make the authority's key and certificate."""
        (self._directory / "ca.conf").write_text(
            "[req]\ndistinguished_name = name\n[name]\n[ca]\nsubjectKeyIdentifier = hash\n"
            "basicConstraints = critical,CA:TRUE\nkeyUsage = critical,keyCertSign\n"
        )
        named = ("-subj", f"/CN={self._directory.name}", "-config", self._directory / "ca.conf", "-extensions", "ca")
        _openssl("req", "-x509", *_KEY, *_DAYS, *named, "-keyout", self._key_file, "-out", self.file)
        return self

    def issue(self, host: str) -> Certificate:
        """Sign a certificate for the server on a host, and for no other."""
        request, extensions = self._directory / f"{host}.csr", self._directory / f"{host}.ext"
        issued = Certificate(self._directory / f"{host}.pem", self._directory / f"{host}.key")
        extensions.write_text(f"subjectAltName = DNS:{host}\nauthorityKeyIdentifier = keyid\n")
        _openssl("req", "-new", *_KEY, "-subj", f"/CN={host}", "-keyout", issued.key_file, "-out", request)
        signer = ("-CA", self.file, "-CAkey", self._key_file, "-CAcreateserial", "-extfile", extensions)
        _openssl("x509", "-req", "-in", request, *signer, *_DAYS, "-out", issued.file)
        return issued


def _openssl(*arguments: str | Path) -> None:
    subprocess.run([find_program("openssl"), *map(str, arguments)], check=True, capture_output=True, timeout=60)

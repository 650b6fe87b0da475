"""Notices jobs that the API has prepared with another spec than the worker's."""

import logging
from collections.abc import Sequence

from prometheus_client import Counter

from inference_bridge.jobs import Job

logger = logging.getLogger(__name__)

#: Other digests that are logged, once each; later ones are only counted.
MAX_LOGGED = 16


class Drift:
    """Counts the jobs of another spec, and logs each other spec once; the jobs run nevertheless.

    Args:
        digest: of the worker's spec.
        mismatches: counts the jobs.
    """

    def __init__(self, digest: str, mismatches: Counter) -> None:
        self._digest = digest
        self._mismatches = mismatches
        self._logged: set[str] = set()

    def note(self, jobs: Sequence[Job]) -> None:
        """Note the specs with which jobs were prepared; an unknown one does not count."""
        for job in jobs:
            if job.spec_digest not in ("", self._digest):
                self._mismatches.inc()
                self._log(job.spec_digest[:64])

    def _log(self, digest: str) -> None:
        if digest not in self._logged and len(self._logged) < MAX_LOGGED:
            self._logged.add(digest)
            logger.warning(
                "the API has another spec of this model; give both the same spec file",
                extra={"spec": digest, "expected": self._digest},
            )

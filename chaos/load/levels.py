"""How much load there is, relative to what two workers with the slow model can do."""

from enum import StrEnum

from chaos.system.slow_model import S_PER_INPUT

#: What two workers could do if they did nothing but wait for their devices.
CAPACITY_PER_S = 2 / S_PER_INPUT
#: So few that a queue of this length is full within seconds at twice the capacity.
QUEUE_MAX_LENGTH = "500"
ENVIRONMENT = {
    "INFERENCE_QUEUE_MAX_LENGTH": QUEUE_MAX_LENGTH,
    "INFERENCE_MODEL": "chaos.system.slow_model:SlowClassifier",
}


class Level(StrEnum):
    """A load: submissions that arrive steadily, whatever became of those before."""

    #: one job in the middle of each fault, and the judge's questions afterwards
    IDLE = "idle"
    HALF = "half"
    #: as much as the workers can do, by a hair
    SATURATED = "saturated"
    OVERLOADED = "overloaded"

    @property
    def share(self) -> float:
        """Offered jobs as a share of the capacity."""
        return _SHARES[self]

    @property
    def rate_per_s(self) -> float:
        """Offered jobs per second."""
        return self.share * CAPACITY_PER_S


_SHARES = {Level.IDLE: 0.0, Level.HALF: 0.5, Level.SATURATED: 0.9, Level.OVERLOADED: 2.0}

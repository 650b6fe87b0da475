"""A clock that goes only when a test says so."""


class Clock:
    """Seconds that only grow, for code that takes its clock as an argument."""

    def __init__(self) -> None:
        self.now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s

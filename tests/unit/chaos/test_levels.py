"""The loads of the chaos tests, relative to what the workers can do."""

from chaos.load.levels import CAPACITY_PER_S, Level
from chaos.matrix import SIDE_BY_SIDE


def test_only_the_overload_is_more_than_the_workers_can_do() -> None:
    above = [level for level in Level if level.rate_per_s > CAPACITY_PER_S]

    assert above == [Level.OVERLOADED]


def test_the_loads_grow_from_nothing() -> None:
    rates = [level.rate_per_s for level in Level]

    assert rates == sorted(rates)
    assert rates[0] == 0


def test_each_load_has_a_row_and_none_has_two() -> None:
    assert sorted(level for levels in SIDE_BY_SIDE for level in levels) == sorted(Level)

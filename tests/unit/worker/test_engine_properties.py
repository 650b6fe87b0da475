"""Any model that fails anywhere: each job has exactly one answer, and a bad job does not touch its neighbours."""

import asyncio
import logging
from collections.abc import Hashable, Iterator, Sequence
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference_bridge.jobs import Job
from inference_bridge.kinds import Probabilities, Text
from inference_bridge.spec import ModelSpec
from inference_worker.engine import Engine
from tests.support.jobs import a_request
from tests.unit.worker.engines import engine_of, outcomes_of

CLASSES = 100
ROW = [0.0] * CLASSES


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    logging.disable(logging.CRITICAL)  # most of the time would go into tracebacks
    yield
    logging.disable(logging.NOTSET)


class Fault(NamedTuple):
    """A fault of one job: where it shows, and the code that its client reads."""

    name: str
    code: str


FAULTS = [
    Fault("decode", "prediction_failed"),
    Fault("group", "prediction_failed"),
    Fault("raise", "prediction_failed"),
    Fault("stop", "prediction_failed"),
    Fault("error", "prediction_failed"),
    Fault("nan", "prediction_failed"),
    Fault("short", "bad_answer"),
    Fault("long", "bad_answer"),
    Fault("dict", "bad_answer"),
    Fault("none", "bad_answer"),
    Fault("shape", "bad_answer"),
]


class Plan(NamedTuple):
    """One job as the model sees it."""

    group: int
    fault: str
    number: int

    def job(self) -> Job:
        return a_request(self.number, f"{self.group} {self.fault} {self.number}".encode())


class Scripted:
    """Does what the text of each job says, and never holds more than `memory` items of a group."""

    spec = ModelSpec("scripted", 1, takes=Text(), answers=Probabilities(CLASSES))

    def __init__(self, memory: dict[int, int]) -> None:
        self._memory = memory

    def decode(self, given: Any) -> Plan:
        group, fault, number = given.value.split()
        if fault == "decode":
            raise ValueError("poison")
        return Plan(int(group), fault, int(number))

    def group(self, item: Plan) -> Hashable:
        if item.fault == "group":
            raise ValueError("poison")
        return item.group

    def predict_batch(self, items: list[Plan]) -> Any:
        assert len({item.group for item in items}) == 1
        assert [item.number for item in items] == sorted(item.number for item in items)
        if len(items) > self._memory.get(items[0].group, 8):
            raise MemoryError  # as good as any error
        faults = {item.fault for item in items}
        if "raise" in faults:
            raise ValueError("poison")
        if "stop" in faults:
            raise StopIteration
        return _reshape([_answer(item) for item in items], faults)


def _answer(item: Plan) -> Any:
    row = ROW.copy()
    row[item.number] = 1.0
    odd: dict[str, Any] = {
        "error": ValueError("poison"),
        "nan": [float("nan")] * CLASSES,
        "none": None,
        "shape": [1.0],
    }
    return odd.get(item.fault, row)


def _reshape(answers: list[Any], faults: set[str]) -> Any:
    if "short" in faults:
        return answers[1:]
    if "long" in faults:
        return [*answers, answers[0]]
    return dict(enumerate(answers)) if "dict" in faults else answers


PLANS = st.lists(
    st.tuples(st.integers(0, 2), st.sampled_from(["good"] * len(FAULTS) + [fault.name for fault in FAULTS])),
    min_size=1,
    max_size=24,
).map(lambda pairs: [Plan(group, fault, number) for number, (group, fault) in enumerate(pairs)])
MEMORY = st.dictionaries(st.integers(0, 2), st.integers(1, 8))
CODES = {fault.name: fault.code for fault in FAULTS}


@settings(max_examples=300, deadline=None)
@given(plans=PLANS, memory=MEMORY)
def test_each_job_has_its_own_answer_or_its_own_error(plans: Sequence[Plan], memory: dict[int, int]) -> None:
    engine = engine_of(Scripted(memory))

    outcomes = asyncio.run(outcomes_of(engine, *(plan.job() for plan in plans)))
    engine.close()

    assert [_seen(outcome) for outcome in outcomes] == [CODES.get(plan.fault, plan.number) for plan in plans]


def _seen(outcome: Any) -> Any:
    return outcome if isinstance(outcome, str) else outcome["predicted_class"]


@settings(max_examples=100, deadline=None)
@given(plans=PLANS)
def test_a_job_is_run_again_only_to_find_the_bad_one(plans: Sequence[Plan]) -> None:
    class Counting(Scripted):
        runs = 0

        def predict_batch(self, items: list[Plan]) -> Any:
            self.runs += 1
            return super().predict_batch(items)

    model = Counting({})
    engine: Engine = engine_of(model)
    asyncio.run(outcomes_of(engine, *(plan.job() for plan in plans)))
    engine.close()

    groups = len({plan.group for plan in plans if plan.fault not in {"decode", "group"}})
    split = sum(plan.fault in {"raise", "stop", "short", "long", "dict"} for plan in plans)
    # A group is cut at 8 items. A bad item in one of 8 costs three levels of two halves.
    assert model.runs <= groups + len(plans) // 8 + 6 * split

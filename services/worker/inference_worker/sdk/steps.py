"""The steps of a check: each yields the problems that it finds, as sentences with a remedy."""

import json
import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from inference_bridge.errors import InvalidInput
from inference_bridge.kinds import Bytes, Json, Picture, Probabilities, has_type
from inference_bridge.results import Result
from inference_worker.failures import Failure
from inference_worker.sdk.examples import example_body, find_decoder, odd_body, other_bodies
from inference_worker.sdk.trial import Trial

_Answer = Result | Failure
Step = Callable[[Trial], Iterator[str]]
#: Numbers of an input alone and in a batch may differ by rounding, but no more.
RELATIVE, ABSOLUTE = 1e-4, 2e-6


def example_is_valid(trial: Trial) -> Iterator[str]:
    """The example is of the kind that the model takes."""
    takes = trial.spec.takes
    if isinstance(takes, Picture) and not find_decoder(takes):
        trial.unchecked.append("the picture of the example, because the API's decoder is not installed here")
    try:
        example_body(trial.spec)
    except InvalidInput as error:
        yield f"The example of the spec is not a valid {takes.noun}: {error}. Correct `example`."


def example_is_answered(trial: Trial) -> Iterator[str]:
    """The example has an answer of the kind in the spec."""
    [result] = trial.run([example_body(trial.spec)])
    if not isinstance(result, Result):
        yield f"The model has no answer to its example: {trial.watched.reason or result}. Correct the class or spec."
    elif isinstance(trial.spec.answers, Probabilities):
        yield from _sum_problem(json.loads(result.body)["probabilities"])
    elif isinstance(trial.spec.answers, Bytes):
        yield from _file_problem(result.output or b"", trial.spec.answers.content_type)


def _file_problem(output: bytes, content_type: str) -> Iterator[str]:
    if not output or not has_type(output, content_type):
        yield (
            f"The model answers {len(output)} bytes, which begin with {output[:8]!r}: "
            f"not a valid file of the type {content_type}. Correct the file, or the type in `answers`."
        )


def _sum_problem(probabilities: list[float]) -> Iterator[str]:
    if not math.isclose(sum(probabilities), 1, abs_tol=1e-3) or min(probabilities) < 0:
        yield (
            f"The probabilities are {probabilities[:3]}…, with the sum {sum(probabilities):.4g}. "
            "Each must be in 0..1 and their sum 1: apply softmax."
        )


def batch_is_answered(trial: Trial) -> Iterator[str]:
    """A batch is answered in one call, and each input as if alone."""
    example = example_body(trial.spec)
    alone = {body: trial.run([body])[0] for body in (example, *other_bodies(trial.spec, example))}
    others = [body for body, result in alone.items() if body != example and not isinstance(result, InvalidInput)][:3]
    # No batch is the same backwards, so that a wrong order shows.
    bodies = [example] * (5 - len(others)) + others
    together = trial.run(bodies)
    if trial.watched.batch_reason:
        yield (
            f"predict_batch answers one input, but fails for a batch of {len(bodies)}: {trial.watched.batch_reason}. "
            "Return a list or an array with one answer for each item, in their order."
        )
        return
    if not any(_difference(alone[example], alone[body], [alone[body]], trial) for body in others):
        trial.unchecked.append("the order of the answers: all inputs of the batch are equal, or have equal answers")
    for number, (body, result) in enumerate(zip(bodies, together, strict=True), 1):
        if problem := _difference(alone[body], result, alone.values(), trial):
            yield (
                f"Input {number} of a batch of {len(bodies)} has another answer than alone: {problem}. Look for "
                "training mode (call eval()), padding that counts, answers in another order, and numbers that rounding "
                "carries across a limit (round before you compare)."
            )
            return


def odd_input_fails_alone(trial: Trial) -> Iterator[str]:
    """A bad input changes nothing for its neighbours."""
    example = example_body(trial.spec)
    bad = odd_body(trial.spec, example)
    alone = [trial.run([body])[0] for body in (example, bad)]
    first, odd, *others = trial.run([example, bad, example, example])
    problems = [_difference(alone[0], result, alone, trial) for result in (first, *others)]
    if problem := next(filter(None, problems), None):
        yield f"A bad input changes its neighbours' answers: {problem}. Keep the items of a batch apart."
    if trial.watched.batch_reason:
        yield (
            f"A bad input fails its batch, which then runs again in halves: {trial.watched.batch_reason}. "
            "Refuse it in `decode` (raise InvalidInput), or return an exception as its answer."
        )
    elif not isinstance(odd, Result | InvalidInput) and trial.watched.reason:
        yield (
            f'A bad input fails: {trial.watched.reason}. Clients read only "{odd}": '
            "raise InvalidInput with a sentence that says what to send."
        )


#: In this order; the check ends after the first step that has found a problem, because later ones would find it too.
STEPS: tuple[Step, ...] = (example_is_valid, example_is_answered, batch_is_answered, odd_input_fails_alone)


def _difference(own: _Answer, given: _Answer, lone: Iterable[_Answer], trial: Trial) -> str | None:
    """Return how an answer differs from that of the input alone; `lone` has the answers of all inputs alone."""
    if not isinstance(own, Result) or not isinstance(given, Result):
        return None if str(own) == str(given) else f"{_brief(own)}, then {_brief(given)}"
    if isinstance(trial.spec.answers, Bytes):
        # Rounding may change all bytes of a file, but not into those of another input.
        others = {one.output for one in lone if isinstance(one, Result)} - {own.output}
        return "it is that of another input" if given.output in others else None
    field = "output" if isinstance(trial.spec.answers, Json) else "probabilities"
    return next(_differences(json.loads(own.body)[field], json.loads(given.body)[field], field), None)


def _brief(result: _Answer) -> str:
    return "an answer" if isinstance(result, Result) else f'the error "{result}"'


def _differences(one: Any, other: Any, at: str) -> Iterator[str]:
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        for name in one:
            yield from _differences(one[name], other[name], f"{at}.{name}")
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for index, pair in enumerate(zip(one, other, strict=True)):
            yield from _differences(*pair, f"{at}[{index}]")
    elif isinstance(one, float) and isinstance(other, float | int):
        if not math.isclose(one, other, rel_tol=RELATIVE, abs_tol=ABSOLUTE):
            yield f"{at} is {other} instead of {one}"
    elif one != other:
        yield f"{at} is {other} instead of {one}"

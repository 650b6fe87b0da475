import pytest
import torch

from mnist_model.predict.network import ConvNet
from mnist_training.data import Split
from mnist_training.evaluate import Evaluation, evaluate, evaluate_others


@pytest.fixture
def evaluation() -> Evaluation:
    """Return four answers: 0 right, 1 taken for 2 (60 %), 3 right, 4 taken for 5 (90 %)."""
    probabilities = torch.zeros(4, 10)
    for row, (answer, confidence) in enumerate([(0, 0.8), (2, 0.6), (3, 0.7), (5, 0.9)]):
        probabilities[row, answer] = confidence
    return Evaluation(
        {"clean": 0.5}, {"clean": 0.1}, {"clean": 0.2}, {"clean": 0}, probabilities, torch.tensor([0, 1, 3, 4])
    )


def test_the_confusion_has_labels_by_row_and_answers_by_column(evaluation: Evaluation) -> None:
    assert evaluation.confusion.nonzero().tolist() == [[0, 0], [1, 2], [3, 3], [4, 5]]


def test_the_worst_mistakes_are_the_most_confident_wrong_answers(evaluation: Evaluation) -> None:
    assert evaluation.find_worst_mistakes(25) == [3, 1]
    assert evaluation.find_worst_mistakes(1) == [3]


def test_every_named_corruption_is_measured(bars: Split) -> None:
    evaluation = evaluate(ConvNet(), bars.cut(0, 20), names=("clean", "noisy"))

    assert list(evaluation.accuracy) == list(evaluation.calibration_error) == ["clean", "noisy"]
    assert all(0 <= accuracy <= 1 for accuracy in evaluation.accuracy.values())


def test_measuring_twice_gives_the_same_figures(bars: Split) -> None:
    network = ConvNet()

    once, again = (evaluate(network, bars.cut(0, 20), names=("shifted", "noisy")) for _ in range(2))

    assert once.accuracy == again.accuracy
    assert once.calibration_error == again.calibration_error


def test_mistakes_that_the_network_is_sure_of_are_counted(bars: Split) -> None:
    network = ConvNet()
    with torch.no_grad():
        network.dense2.bias.copy_(torch.tensor([100.0] + 9 * [0.0]))

    evaluation = evaluate(network, bars.cut(0, 20), names=("clean",))

    assert evaluation.sure_mistakes == {"clean": 18}


def test_answers_to_pictures_without_a_digit_are_counted_with_the_refused_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("mnist_training.evaluate.KINDS", ("paper", "letter"))

    others = evaluate_others(ConvNet(), count=2)

    assert {name: each.refused + len(each.largest) for name, each in others.items()} == {"paper": 2, "letter": 2}

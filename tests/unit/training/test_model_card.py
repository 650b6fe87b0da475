import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
import torch

from mnist_model.predict.weights import DEFAULT_WEIGHTS, WeightsInfo, load_weights
from mnist_training.data import MD5_OF_FILE, Split
from mnist_training.evaluate import Evaluation, Others
from mnist_training.model_card import CARD_DIRECTORY, write_card
from mnist_training.pictures import draw_confusion, draw_histogram


@pytest.fixture
def info() -> WeightsInfo:
    return load_weights(DEFAULT_WEIGHTS)[1]


@pytest.fixture
def card(tmp_path: Path, bars: Split, info: WeightsInfo) -> Path:
    """Return the folder with a card about a network that takes everything for a 7."""
    probabilities = torch.zeros(400, 10)
    probabilities[:, 7] = 0.9
    error = {"clean": 0.8, "noisy": 0.1}
    evaluation = Evaluation(
        accuracy={"clean": 0.1, "noisy": 0.0987},
        calibration_error=error,
        error_without_doubt={"clean": 0.9, "noisy": 0.2},
        sure_mistakes={"clean": 0, "noisy": 6},
        probabilities=probabilities,
        labels=bars.labels,
    )
    others = {
        "face": Others(1, largest=torch.tensor([0.2, 0.6, 0.4]), without_doubt=torch.tensor([0.95, 0.95, 0.4])),
        "paper": Others(4, largest=torch.empty(0), without_doubt=torch.empty(0)),
    }
    write_card(tmp_path, info, evaluation, bars, others)
    return tmp_path


def test_the_card_has_every_figure(card: Path) -> None:
    text = (card / "MODEL_CARD.md").read_text(encoding="utf-8")

    assert "| noisy | Gaussian noise of standard deviation 0.2" in text
    assert "| 9.87% | 10.00% | 20.00% | 6 |" in text
    assert "360 are not" in text


def test_the_card_tells_how_sure_the_answers_without_a_digit_are(card: Path) -> None:
    text = (card / "MODEL_CARD.md").read_text(encoding="utf-8")

    assert "a nose, a mouth, hair. | 1 | 40% | 33% | 0% | 67% |" in text
    assert "4 pictures of each kind" in text
    assert "| **all** | 5 | 40% | 33% | 0% | 67% |" in text


def test_a_kind_whose_pictures_are_all_refused_has_no_figures(card: Path) -> None:
    text = (card / "MODEL_CARD.md").read_text(encoding="utf-8")

    assert "with grain. | 4 | – | – | – | – |" in text


def test_the_card_leaves_no_placeholder(card: Path) -> None:
    assert not re.search(r"[{}]", (card / "MODEL_CARD.md").read_text(encoding="utf-8"))


def test_the_card_links_to_pictures_that_exist(card: Path) -> None:
    links = re.findall(r"\]\((pictures/[^)]+)\)", (card / "MODEL_CARD.md").read_text(encoding="utf-8"))

    assert sorted(links) == ["pictures/confusion.svg", "pictures/mistakes.svg", "pictures/no-digit.svg"]
    assert all((card / link).is_file() for link in links)


@pytest.mark.parametrize("name", ["confusion.svg", "mistakes.svg", "no-digit.svg"])
def test_pictures_are_well_formed_and_load_nothing_from_elsewhere(card: Path, name: str) -> None:
    text = (card / "pictures" / name).read_text(encoding="utf-8")

    assert ElementTree.fromstring(text).tag == "{http://www.w3.org/2000/svg}svg"  # noqa: S314
    assert "href" not in text


def test_the_25_worst_mistakes_are_shown_with_label_answer_and_probability(card: Path) -> None:
    text = (card / "pictures" / "mistakes.svg").read_text(encoding="utf-8")

    assert len(re.findall(r">\d → 7, 90%<", text)) == 25


def test_the_confusion_of_a_perfect_network_is_drawn() -> None:
    assert ">980<" in draw_confusion(torch.diag(torch.full((10,), 980)))


def test_a_histogram_tells_the_share_in_each_tenth() -> None:
    drawn = draw_histogram({"one": torch.tensor([0.05, 0.95, 0.95, 1.0])})

    assert ">25%<" in drawn
    assert ">75%<" in drawn


def test_the_committed_card_tells_what_the_committed_weights_claim(info: WeightsInfo) -> None:
    text = (CARD_DIRECTORY / "MODEL_CARD.md").read_text(encoding="utf-8")

    assert f"{info.accuracy:.2%} of MNIST's 10,000 test pictures" in text
    assert all(f"| {name} | {md5} |" in text for name, md5 in MD5_OF_FILE.items())

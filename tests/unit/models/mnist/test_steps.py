"""Each step takes something away from a picture and leaves the rest alone."""

from io import BytesIO

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageDraw, ImageFilter

from inference_pictures.errors import UnreadableImage
from mnist_model.prepare.even import lift_ink
from mnist_model.prepare.light import flatten_light, remove_shadows
from mnist_model.prepare.lines import remove_ruled_lines
from mnist_model.prepare.morphology import dilate
from mnist_model.prepare.placement import centre, find_centre_of_mass, measure_stroke_width, scale
from mnist_model.prepare.polarity import grey_by_contrast, light_on_dark
from mnist_model.prepare.steps import SHADED, STEPS, find_digit, run_steps
from mnist_model.prepare.strokes import find_pieces, find_stroke_runs, keep_digit, remove_frame
from tests.support.pictures import sample

NAMES = ("three", "four", "seven")
SIDE = 240

Grey = npt.NDArray[np.uint8]


def pixels_of(name: str) -> Grey:
    return np.asarray(sample(name))


def ink_of(name: str = "three", *, side: int = SIDE, share: float = 0.5, at: tuple[float, float] = (0.5, 0.5)) -> Grey:
    """A sample, light on black, `share` of the side large, `at` 0 (left, top) to 1 (right, bottom)."""
    tight = sample(name)
    tight = tight.crop(tight.getbbox())
    factor = side * share / max(tight.size)
    size = (round(tight.width * factor), round(tight.height * factor))
    picture = Image.new("L", (side, side))
    corner = (round((side - size[0]) * at[0]), round((side - size[1]) * at[1]))
    picture.paste(tight.resize(size, Image.Resampling.BICUBIC), corner)
    return np.asarray(picture)


def painted(ink: Grey, pen: tuple[int, int, int] = (20, 20, 20), paper: tuple[int, int, int] = (240, 240, 240)) -> Grey:
    part = ink[..., None] / 255
    return (np.array(paper) * (1 - part) + np.array(pen) * part).astype(np.uint8)


def drawn(ink: Grey, *lines: tuple[float, ...], width: int) -> Grey:
    picture = Image.fromarray(ink)
    for line in lines:
        ImageDraw.Draw(picture).line(line, fill=255, width=width)
    return np.asarray(picture)


def likeness(one: Grey, other: Grey) -> float:
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])


def is_a(name: str, picture: Grey, *, at_least: float = 0.85) -> bool:
    return likeness(find_digit(picture), pixels_of(name)) >= at_least


@pytest.mark.parametrize("name", NAMES)
def test_mnist_picture_stays_as_it_is(name: str) -> None:
    assert np.array_equal(find_digit(pixels_of(name)), pixels_of(name))


@pytest.mark.parametrize("name", NAMES)
def test_inverted_mnist_picture_is_inverted_back(name: str) -> None:
    assert np.array_equal(find_digit(~pixels_of(name)), pixels_of(name))


@pytest.mark.parametrize("shift", [(-3, 0), (1, 0), (0, 4), (0, -4), (-2, 3)], ids=str)
def test_picture_off_centre_is_moved_back(shift: tuple[int, int]) -> None:
    assert np.array_equal(find_digit(np.roll(pixels_of("seven"), shift, (0, 1))), pixels_of("seven"))


@pytest.mark.parametrize("name", NAMES)
def test_dark_on_light_equals_light_on_dark(name: str) -> None:
    ink = ink_of(name)

    assert np.abs(find_digit(ink).astype(int) - find_digit(~ink)).max() <= 4


@pytest.mark.parametrize(
    ("pen", "paper"),
    [
        ((190, 20, 30), (250, 250, 250)),
        ((250, 235, 60), (250, 250, 250)),
        ((20, 40, 150), (250, 235, 150)),
        ((20, 20, 20), (205, 175, 130)),
        ((200, 40, 40), (40, 120, 60)),
        ((230, 230, 220), (40, 60, 50)),
    ],
    ids=["red on white", "yellow on white", "blue on yellow", "black on card", "red on green", "chalk"],
)
def test_any_pen_on_any_paper(pen: tuple[int, int, int], paper: tuple[int, int, int]) -> None:
    assert is_a("three", painted(ink_of(), pen, paper))


def test_grey_follows_colour_where_brightness_does_not_differ() -> None:
    colours = painted(ink_of(), (250, 235, 60), (250, 250, 250))

    assert np.ptp(grey_by_contrast(colours)) > 100


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("share", [0.1, 0.5, 0.97], ids=["tiny", "half", "huge"])
@pytest.mark.parametrize("at", [(0.5, 0.5), (0, 0.3), (1, 1)], ids=["middle", "left edge", "corner"])
def test_polarity_is_told_wherever_the_ink_is(name: str, share: float, at: tuple[float, float]) -> None:
    ink = ink_of(name, share=share, at=at)

    for picture in (ink, ~ink):
        lifted = lift_ink(picture)
        assert likeness(light_on_dark(picture) if lifted is None else lifted, ink) > 0.9


@pytest.mark.parametrize("share", [0.1, 0.5, 0.97], ids=["tiny", "half", "huge"])
def test_size_does_not_matter(share: float) -> None:
    assert is_a("four", painted(ink_of("four", side=400, share=share)))


def test_slope_of_light_is_flattened() -> None:
    slope = np.linspace(0.3, 1, SIDE)

    flat = flatten_light((255 - 240 * slope * np.ones((SIDE, 1))).astype(np.uint8))

    assert np.ptp(flat) <= 25


def test_ink_over_half_the_picture_is_not_taken_for_paper() -> None:
    ink = dilate(ink_of(share=0.9), 31, 31) // 8 * 7

    assert likeness(flatten_light(ink), ink) > 0.99


def test_shadow_edge_is_removed() -> None:
    picture = painted(ink_of()).astype(np.float64)
    picture[:, SIDE // 2 :] *= 0.5

    assert is_a("three", picture.astype(np.uint8))


def test_ink_is_as_strong_in_the_shadow() -> None:
    picture = ~painted(drawn(np.zeros((SIDE, SIDE), np.uint8), (60, 40, 60, 200), (180, 40, 180, 200), width=12))
    picture[:, SIDE // 2 :] = 255 - (255 - picture[:, SIDE // 2 :]) // 2

    ink = remove_shadows(picture[..., 0])

    assert abs(int(ink[120, 60]) - int(ink[120, 180])) <= 10


@pytest.mark.parametrize("tilt", [0, 6, -9], ids=["straight", "tilted", "tilted the other way"])
@pytest.mark.parametrize("upright", [False, True], ids=["ruled", "squared"])
def test_ruled_lines_are_removed(tilt: int, upright: bool) -> None:
    lines: list[tuple[float, ...]] = [(0, y, SIDE, y + tilt) for y in range(5, SIDE, 24)]
    if upright:
        lines += [(x, 0, x - tilt, SIDE) for x in range(5, SIDE, 24)]
    paper = drawn(np.zeros((SIDE, SIDE), np.uint8), *lines, width=2) // 2

    assert is_a("three", painted(np.maximum(ink_of(), paper)))


def test_stroke_that_crosses_a_line_stays_whole() -> None:
    ink = drawn(np.zeros((SIDE, SIDE), np.uint8), (120, 40, 120, 200), width=14)

    cleared = remove_ruled_lines(drawn(ink, (0, 120, SIDE, 120), width=2))

    assert cleared[120, 120] == 255
    assert not cleared[:, :100].any()


@pytest.mark.parametrize("name", NAMES)
def test_digit_without_lines_loses_nothing_to_them(name: str) -> None:
    assert np.array_equal(remove_ruled_lines(ink_of(name, share=0.9)), ink_of(name, share=0.9))


@pytest.mark.parametrize("width", [2, 5, 10])
def test_frame_is_removed(width: int) -> None:
    frame = [(20, 20, 220, 22), (220, 22, 216, 221), (216, 221, 18, 218), (18, 218, 20, 20)]

    assert is_a("three", painted(drawn(ink_of(), *frame, width=width)))


def test_circle_drawn_around_the_digit_is_removed() -> None:
    picture = Image.fromarray(ink_of())
    ImageDraw.Draw(picture).ellipse((10, 10, 230, 230), outline=255, width=4)

    assert is_a("three", painted(np.asarray(picture)))


def test_nought_is_no_frame() -> None:
    picture = Image.new("L", (SIDE, SIDE))
    ImageDraw.Draw(picture).ellipse((70, 40, 170, 200), outline=255, width=16)
    ImageDraw.Draw(picture).ellipse((116, 116, 122, 122), fill=255)
    ink = np.asarray(picture)

    assert np.array_equal(remove_frame(ink, find_pieces(ink, find_stroke_runs(ink))), ink)


def test_specks_are_dropped_and_a_detached_stroke_is_kept() -> None:
    five = drawn(np.zeros((SIDE, SIDE), np.uint8), (100, 60, 160, 60), (95, 75, 95, 120), (95, 120, 150, 130), width=12)
    five = drawn(five, (150, 130, 140, 190), (140, 190, 90, 190), width=12)
    specked = drawn(five, (20, 20, 24, 20), (220, 200, 224, 200), (60, 215, 63, 215), width=4)

    assert np.array_equal(keep_digit(specked), five)


def test_salt_and_pepper_do_not_matter() -> None:
    picture = painted(ink_of())
    where = np.random.default_rng(3).random((SIDE, SIDE))
    picture[where < 0.01], picture[where > 0.99] = 0, 255

    assert is_a("three", picture)


@pytest.mark.parametrize("width", [1, 3, 30])
def test_strokes_come_out_as_wide_as_mnist_has_them(width: int) -> None:
    seven = drawn(np.zeros((SIDE, SIDE), np.uint8), (60, 40, 170, 40), (170, 40, 100, 200), width=width)

    assert 1.2 <= measure_stroke_width(find_digit(painted(seven))) <= 4.7


def test_blurred_photograph_is_read() -> None:
    picture = Image.fromarray(painted(ink_of())).filter(ImageFilter.GaussianBlur(6))

    assert is_a("three", np.asarray(picture), at_least=0.8)


def test_strong_jpeg_artefacts_do_not_matter() -> None:
    file = BytesIO()
    Image.fromarray(painted(ink_of())).save(file, "JPEG", quality=10)

    assert is_a("three", np.asarray(Image.open(file)))


@pytest.mark.parametrize("name", NAMES)
def test_scaled_ink_is_20_pixels_long(name: str) -> None:
    tight = ink_of(name, share=1)

    assert max(scale(tight).shape) == 20


@pytest.mark.parametrize("at", [(0.0, 0.0), (0.5, 0.5), (1.0, 0.2)], ids=["corner", "middle", "right"])
def test_mass_is_in_the_middle_to_half_a_pixel(at: tuple[float, float]) -> None:
    y, x = find_centre_of_mass(centre(ink_of(side=40, share=0.5, at=at)))

    assert 13.5 <= y < 14.5
    assert 13.5 <= x < 14.5


def test_paper_with_nothing_but_lines_is_refused() -> None:
    lines = drawn(np.zeros((SIDE, SIDE), np.uint8), *((0, y, SIDE, y) for y in range(10, SIDE, 20)), width=2)

    with pytest.raises(UnreadableImage, match="no strokes"):
        find_digit(painted(lines))


@pytest.mark.parametrize("is_even", [True, False], ids=["even paper", "shaded paper"])
def test_every_step_can_be_looked_at(is_even: bool) -> None:
    picture = painted(ink_of())
    if not is_even:
        picture = (picture * np.linspace(0.4, 1, SIDE)[:, None, None]).astype(np.uint8)

    pictures = list(run_steps(picture))

    left_out = SHADED if is_even else (lift_ink,)
    assert [name for name, _ in pictures] == [step.__name__ for step in STEPS if step not in left_out]
    assert all(picture.dtype == np.uint8 for _, picture in pictures)


def test_digit_does_not_change_the_picture_it_is_given() -> None:
    picture = painted(ink_of())
    before = picture.copy()

    find_digit(picture)

    assert np.array_equal(picture, before)

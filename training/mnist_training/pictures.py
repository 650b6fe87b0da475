"""Draws the model card's pictures as SVG text."""

from collections.abc import Sequence

from torch import Tensor

CELL_PX = 44  # of the confusion matrix
MARGIN_PX = 56  # left of the matrix and above it, for the digits' names
DIGIT_PX = 84  # of one mistake, three per pixel of the picture
CAPTION_PX = 24
GAP_PX = 16
COLUMNS = 5
BAR_PX = 200  # of a histogram's bar for all numbers
SHADES = 15  # of ink; with white, 16 greys are enough at this size

RIGHT_RGB = "#dcebdc"
WRONG_RGB = (214, 90, 40)
SERIES_RGB = ("#2f6f9f", "#d65a28")


def draw_confusion(confusion: Tensor) -> str:
    """Return the picture of a matrix (10, 10) int64: written digit by row, answer by column."""
    counts: list[list[int]] = confusion.tolist()
    worst = max(1, *(n for row, line in enumerate(counts) for column, n in enumerate(line) if row != column))
    parts = [
        _draw_text(MARGIN_PX + 5 * CELL_PX, 18, "read as"),
        _draw_text(22, MARGIN_PX + 5 * CELL_PX, "written", turn=True),
    ]
    for digit in range(10):
        middle = MARGIN_PX + digit * CELL_PX + CELL_PX // 2
        parts += [
            _draw_text(middle, MARGIN_PX - 10, str(digit), bold=True),
            _draw_text(44, middle + 5, str(digit), bold=True),
        ]
        parts += [_draw_cell(digit, column, count, worst) for column, count in enumerate(counts[digit])]
    side = MARGIN_PX + 10 * CELL_PX + GAP_PX
    return _build_svg(side, side, parts)


def draw_mistakes(images: Tensor, captions: Sequence[str]) -> str:
    """Return a table of raw pictures (N, 28, 28) uint8, each dark on white above its caption."""
    parts = []
    for index, (image, caption) in enumerate(zip(images, captions, strict=True)):
        left = GAP_PX + index % COLUMNS * (DIGIT_PX + 2 * GAP_PX) + GAP_PX // 2
        top = GAP_PX + index // COLUMNS * (DIGIT_PX + CAPTION_PX + GAP_PX)
        parts.append(f'<g transform="translate({left} {top}) scale(3)">{_draw_digit(image)}</g>')
        parts.append(_draw_text(left + DIGIT_PX // 2, top + DIGIT_PX + CAPTION_PX - 7, caption))
    rows = -(-len(captions) // COLUMNS)
    width = GAP_PX + COLUMNS * (DIGIT_PX + 2 * GAP_PX)
    return _build_svg(width, GAP_PX + rows * (DIGIT_PX + CAPTION_PX + GAP_PX), parts)


def draw_histogram(series: dict[str, Tensor]) -> str:
    """Return how often numbers from 0 to 1 lie in each tenth, in per cent: a colour for each series, by its name."""
    parts = [_draw_text(MARGIN_PX + 5 * CELL_PX, BAR_PX + 3 * CAPTION_PX, "largest probability")]
    for tenth in range(10):
        middle = MARGIN_PX + tenth * CELL_PX + CELL_PX // 2
        parts.append(
            _draw_text(middle, BAR_PX + 2 * CAPTION_PX, f"{tenth / 10:.1f}–{(tenth + 1) / 10:.1f}", small=True)
        )
    for place, (name, numbers) in enumerate(series.items()):
        counts = (numbers * 10).long().clamp(0, 9).bincount(minlength=10)  # (10,)
        width, fill = CELL_PX // len(series) - 2, SERIES_RGB[place]
        for tenth, share in enumerate((counts / max(1, len(numbers))).tolist()):
            left = MARGIN_PX + tenth * CELL_PX + place * (width + 2)
            parts.append(_draw_bar(left, width, share, fill))
        top = CAPTION_PX * (place + 1)
        parts.append(f'<rect x="{MARGIN_PX + 6 * CELL_PX}" y="{top - 12}" width="14" height="14" fill="{fill}"/>')
        parts.append(_draw_text(MARGIN_PX + 8 * CELL_PX, top, name))
    return _build_svg(2 * MARGIN_PX + 10 * CELL_PX, BAR_PX + 4 * CAPTION_PX, parts)


def _draw_bar(left: int, width: int, share: float, fill: str) -> str:
    height = round(share * BAR_PX)
    bottom = BAR_PX + CAPTION_PX
    label = _draw_text(left + width // 2, bottom - height - 4, f"{share:.0%}", small=True) if share >= 0.005 else ""
    return f'<rect x="{left}" y="{bottom - height}" width="{width}" height="{height}" fill="{fill}"/>{label}'


def _draw_cell(row: int, column: int, count: int, worst: int) -> str:
    left, top = MARGIN_PX + column * CELL_PX, MARGIN_PX + row * CELL_PX
    # Without the root, single mistakes would be invisible beside the most frequent one.
    strength = (count / worst) ** 0.5
    mixed = [round(255 + strength * (channel - 255)) for channel in WRONG_RGB]
    fill = RIGHT_RGB if row == column else f"rgb({mixed[0]} {mixed[1]} {mixed[2]})"
    square = f'<rect x="{left}" y="{top}" width="{CELL_PX}" height="{CELL_PX}" fill="{fill}" stroke="#c8c8c8"/>'
    return square + (_draw_text(left + CELL_PX // 2, top + CELL_PX // 2 + 5, str(count)) if count else "")


def _draw_digit(image: Tensor) -> str:
    """Return one path for each shade, made of horizontal strokes. Some viewers would block a bitmap."""
    lines: dict[int, list[str]] = {}
    for y, row in enumerate((image.float() * SHADES / 255).round().int().tolist()):
        for x, shade in enumerate(row):
            lines.setdefault(shade, []).append(f"M{x} {y}.5h1")
    paths = [
        f'<path stroke="{_format_grey(shade)}" d="{"".join(strokes)}"/>'
        for shade, strokes in sorted(lines.items())
        if shade
    ]
    frame = '<rect width="28" height="28" fill="none" stroke="#c8c8c8" stroke-width=".3"/>'
    return f'<g shape-rendering="crispEdges">{"".join(paths)}</g>{frame}'


def _format_grey(shade: int) -> str:
    level = 255 - round(shade * 255 / SHADES)
    return f"#{level:02x}{level:02x}{level:02x}"


def _draw_text(x: int, y: int, text: str, *, bold: bool = False, small: bool = False, turn: bool = False) -> str:
    weight = (' font-weight="bold"' if bold else "") + (' font-size="11"' if small else "")
    turned = f' transform="rotate(-90 {x} {y})"' if turn else ""
    return f'<text x="{x}" y="{y}"{weight}{turned}>{text}</text>'


def _build_svg(width: int, height: int, parts: Sequence[str]) -> str:
    # The picture has its own background, because the page around it may be dark.
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    style = 'font-family="sans-serif" font-size="14" text-anchor="middle" fill="#222"'
    paper = f'<rect width="{width}" height="{height}" fill="#fff"/>'
    return "\n".join([f"{head} {style}>", paper, *parts, "</svg>", ""])

"""The texts that a header can carry."""


def check_printable(name: str, text: str) -> str:
    """Return a text for a header; raise ValueError if it is empty or not printable ASCII. The error hides the text."""
    if text and text == text.strip() and text.isascii() and text.isprintable():
        return text
    raise ValueError(
        f"{name} has {len(text)} characters, expected 1 or more of printable ASCII, without a line break or a space "
        "around them; copy it again"
    )

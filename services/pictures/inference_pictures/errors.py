"""Errors for a file that is not a usable picture. The codes are public; users may see the messages."""

from inference_bridge.errors import EmptyInput, InputTooLarge, InvalidInput, UnsupportedInput


class UnsupportedImage(UnsupportedInput):
    """Raised when the bytes are not in a picture format that we take."""

    code = "unsupported_image"


class UnreadableImage(InvalidInput):
    """Raised when we take the format, but the picture is broken, too large, animated or blank."""

    code = "unreadable_image"


class EmptyImage(UnreadableImage, EmptyInput):
    """Raised when the file has no bytes."""


class ImageTooLarge(InputTooLarge):
    """Raised when the file has more bytes than the limit."""

    code = "image_too_large"

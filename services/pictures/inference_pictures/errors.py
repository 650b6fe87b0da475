"""Why a file cannot be used as a picture. The codes are public; the message is a sentence that may be shown."""

from inference_bridge.errors import InvalidInput, UnsupportedInput


class UnsupportedImage(UnsupportedInput):
    """Raised when the bytes are in no picture format that we take."""

    code = "unsupported_image"


class UnreadableImage(InvalidInput):
    """Raised when the format is ours but the picture is broken, has too many pixels, is animated or is blank."""

    code = "unreadable_image"

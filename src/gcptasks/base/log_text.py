"""Text of others in the lines of a log."""

import re

# What ends a line, moves the cursor, sets colours or turns the direction of writing; and halves of characters, which
# no encoding can write.
_UNSAFE = "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"


def log_text(text: object) -> str:
    r"""The text as it may stand in a line of a log: whatever could forge another line is escaped, as in `\x1b`.

    For all that a client or a worker chooses: reasons, paths, header values, texts of exceptions.
    """
    shown = str(text)
    return shown if shown.isprintable() else re.sub(_UNSAFE, _escaped, shown)


def _escaped(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape").decode("ascii")

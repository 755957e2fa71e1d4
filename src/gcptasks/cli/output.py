"""What commands write: plain lines, logs, and errors in one line. Colours are for terminals, and not for all."""

import logging
import os
import sys
from enum import StrEnum
from typing import NoReturn

from rich.console import Console
from rich.highlighter import NullHighlighter
from rich.logging import RichHandler
from rich.text import Text


def _console(*, stderr: bool = False) -> Console:
    # With NO_COLOR, rich would still write bold and dim.
    plain = bool(os.environ.get("NO_COLOR"))
    return Console(stderr=stderr, highlight=False, soft_wrap=True, color_system=None if plain else "auto")


_out = _console()


class LogLevel(StrEnum):
    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


def say(*parts: str | tuple[str, str], style: str = "") -> None:
    """Write a line made of texts, and of texts with a style; it is not wrapped."""
    _out.print(Text.assemble(*parts, style=style))


def warn(text: str) -> None:
    """Write a line that should be noticed."""
    say(f"warning: {text}", style="yellow")


def fail(message: str) -> NoReturn:
    """End the program with one line and exit code 2, for what its user can mend."""
    _console(stderr=True).print(Text(f"error: {' '.join(message.split())}", style="red"))
    sys.exit(2)


def log_to_terminal(level: LogLevel) -> None:
    """Write the service's log to the terminal, in colours if it is one."""
    handler: logging.Handler
    if _out.is_terminal:
        handler = RichHandler(
            console=_out, show_path=False, log_time_format="%X", highlighter=NullHighlighter(), keywords=[]
        )
    else:
        handler = logging.StreamHandler(sys.stdout)
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-8s %(message)s"))
    log = logging.getLogger("gcptasks")
    log.addHandler(handler)
    log.setLevel(level.upper())

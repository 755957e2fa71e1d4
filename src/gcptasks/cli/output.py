"""What commands write: lines, tables, logs, and errors in one line. Colours are for terminals, and not for all."""

import logging
import os
import sys
from enum import StrEnum
from typing import Any, NoReturn

from rich.console import Console
from rich.highlighter import NullHighlighter
from rich.logging import RichHandler
from rich.table import Table
from rich.text import Text

from gcptasks.base.log_text import log_text

HELP: Any = {
    # Without markup the help is plain: full width, nothing cut off.
    "rich_markup_mode": None,
    "context_settings": {"help_option_names": ["-h", "--help"]},
    "pretty_exceptions_enable": False,
}
"""How every command shows its help and its errors."""


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


def note(text: str) -> None:
    """Write a line that is for people alone to stderr, where it is not part of what a script reads."""
    _console(stderr=True).print(Text(text, style="dim"))


def on_terminal() -> bool:
    """Whether people read what is written to stdout."""
    return _out.is_terminal


def say_table(table: Table) -> None:
    """Write a table as wide as the terminal; what is longer goes on in the next line of its column."""
    _out.print(table, soft_wrap=False)


def write(text: str) -> None:
    """Write lines as they are, for whoever reads the other end of a pipe. That may be gone: then the program ends."""
    print(text, flush=True)


def fail(message: str, code: int = 2) -> NoReturn:
    """End the program with one line and an exit code: by default 2, for what its user can mend."""
    _console(stderr=True).print(Text(f"error: {log_text(' '.join(message.split()))}", style="red"))
    sys.exit(code)


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

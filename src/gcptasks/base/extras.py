"""The extras of the distribution, and whether they are installed."""

from importlib.util import find_spec

_LOCAL = ("aiohttp", "h2", "httptools", "rich", "typer", "uvicorn", "watchfiles")
_PACKAGES = {"local": _LOCAL, "testing": _LOCAL}
"""Some that each brings. Versions of others it asks for may be newer than those of the base install."""


def is_installed(extra: str) -> bool:
    """Whether what the extra brings is there."""
    return all(map(find_spec, _PACKAGES[extra]))

"""What to call an endpoint and a route in a message."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fastapi.routing import APIRoute


def endpoint_label(endpoint: Callable[..., Any]) -> str:
    """What to call the endpoint in a message."""
    return getattr(endpoint, "__name__", None) or repr(endpoint)


def endpoint_path(endpoint: Callable[..., Any]) -> str:
    """The full name of the endpoint, `module.function`, by which the records of its tasks know it.

    It is the same for a program that is run and for the module that another process imports.
    """
    named = endpoint if hasattr(endpoint, "__qualname__") else type(endpoint)
    module: str = named.__module__
    return f"{_main_module() if module == '__main__' else module}.{named.__qualname__}"


def _main_module() -> str:
    main = sys.modules["__main__"]
    spec = getattr(main, "__spec__", None)  # with `python -m`
    file: str | None = getattr(main, "__file__", None)
    return spec.name if spec is not None else "__main__" if file is None else Path(file).stem


def route_label(route: APIRoute) -> str:
    """Methods and path, such as `POST /hello`."""
    return f"{','.join(sorted(route.methods or ()))} {route.path}".lstrip()

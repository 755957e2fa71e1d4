"""What is asked of an app before tasks are delivered into it.

The service knows nothing of routes: whoever makes tasks of them adds a check, which runs where the app is known.
"""

from collections.abc import Callable
from typing import Any

AppCheck = Callable[[Any, str], None]
"""Takes the app and the URL at which it is served, and raises if tasks cannot run in it."""

_checks: list[AppCheck] = []


def add_app_check(check: AppCheck) -> None:
    """Have this asked of each app as well; once, however often it is added."""
    if check not in _checks:
        _checks.append(check)


def check_app(app: Any, app_url: str) -> None:
    """Raise what one of the checks raises."""
    for check in _checks:
        check(app, app_url)

"""The command `check`: whether the tasks of an application can run as it serves them. It starts nothing."""

import json
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout

from fastapi_gcp_tasks.task_checks import LeadsHere, leads_below
from gcptasks.cli.announce import say_rows
from gcptasks.cli.application import Application
from gcptasks.cli.found import Found
from gcptasks.cli.inspection import inspect, services_in
from gcptasks.cli.loading import load_app
from gcptasks.cli.output import say
from gcptasks.runtime.targets.address import parse_app_url


def run(app: Application, app_urls: Sequence[str], *, as_json: bool) -> int:
    """Say what was checked, and what is wrong; the exit code: 1 if something is."""
    given = [leads_below(parse_app_url(url)) for url in app_urls]
    sys.path.insert(0, str(app.folder))
    # What the application's own code prints is not part of what we say.
    with redirect_stdout(sys.stderr):
        module, loaded = load_app(app.module, app.name, factory=app.factory)
        known = [leads_below(parse_app_url(service.app_url)) for service in services_in(module)]
        found = inspect(module, loaded, _any_of(given or known))
    if as_json:
        print(json.dumps(_as_json(found), indent=2))
    else:
        _say(found)
    return 1 if found.faults else 0


def _any_of(all_of_them: list[LeadsHere]) -> LeadsHere:
    return lambda url: any(leads_here(url) for leads_here in all_of_them)


def _say(found: Found) -> None:
    say_rows(found)
    count, routes = len(found.all_tasks), len(found.tasks)
    here = sum(task.url_checked for task in found.all_tasks)
    wrong = sum(bool(task.faults) for task in found.all_tasks)
    if not count:
        return
    if routes:
        say(f"checked {_tasks(routes)}: what surrounds their routes, and which route answers first")
    if here:
        say(f"checked the URLs of {_tasks(here)}: whether they lead to the endpoints")
    if here < count:
        left = _tasks(count - here)
        say(f"not checked the URLs of {left}: --app-url says at which URL this application is served")
    say(f"{_tasks(wrong)} cannot run" if wrong else "all can run", style="red" if wrong else "green")


def _tasks(count: int) -> str:
    return "1 task" if count == 1 else f"{count} tasks"


def _as_json(found: Found) -> dict[str, object]:
    tasks, functions = ([task._asdict() for task in some] for some in (found.tasks, found.functions))
    return {"ok": not found.faults, "tasks": tasks, "functions": functions}

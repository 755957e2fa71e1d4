"""The settings of the service: refused by name, and to be had both inside an application and on a port."""

import inspect
import re
import subprocess
import sys
from dataclasses import fields
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from cli.cli_disk_without_sync import SYNCS
from fastapi_gcp_tasks import LocalService
from gcptasks.cli.commands import emulator
from gcptasks.server.settings import PortSettings, Settings
from server.server_apps import URL

SETTINGS = {field.name: field.default for field in fields(Settings)}
ONLY_EMBEDDED = {"grace"}
"""On a port, Ctrl-C again ends what takes too long."""


def _defaults(function: Any) -> dict[str, Any]:
    return {name: parameter.default for name, parameter in inspect.signature(function).parameters.items()}


def test_an_application_can_choose_each_setting_and_has_its_default_otherwise() -> None:
    embedded = _defaults(LocalService)
    assert embedded.pop("database") is inspect.Parameter.empty
    assert embedded.pop("app_url") is inspect.Parameter.empty
    # Its user is the application alone, which names the queues itself.
    assert embedded == {name: SETTINGS[name] for name in SETTINGS if name != "database"} | {"create_queues": True}


def test_the_command_can_choose_each_setting_and_has_its_default_otherwise() -> None:
    command = _defaults(emulator)
    command["database"] = command.pop("db")
    for name in SETTINGS.keys() - ONLY_EMBEDDED:
        assert command[name] == SETTINGS[name], name


@pytest.mark.skipif(not SYNCS, reason="on this machine the test cannot make a disk fail")
@pytest.mark.parametrize(
    ("chosen", "said"),
    [([], "refused: 500 .*disk I/O error"), (["full"], "refused: 500 .*disk I/O error"), (["normal"], "accepted")],
    ids=["default", "full", "normal"],
)
def test_only_normal_accepts_tasks_of_an_application_without_a_sync(
    tmp_path: Path, chosen: list[str], said: str
) -> None:
    program = ["-m", "server.server_unsynced_program", f"sqlite:///{tmp_path}/tasks.db", *chosen]
    command = [sys.executable, "-W", "error", *program]
    tests = Path(__file__).parent.parent
    done = subprocess.run(command, cwd=tests, check=True, capture_output=True, text=True, timeout=60)
    assert re.fullmatch(said, done.stdout.strip())


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [
        ("database", "postgres://host/db", r"is no database: give 'sqlite:///tasks\.db' \(a file\) or 'memory:'"),
        ("synchronous", "off", "synchronous must be 'full' or 'normal', not 'off'"),
        ("quotas", "all", "quotas must be 'google' or 'none', not 'all'"),
        ("issuer", "tasks.local", "issuer must be a URL that starts with http:// or https://, not 'tasks.local'"),
        ("issuer", "", "issuer must be a URL that starts with http:// or https://, not ''"),
        ("issuer", "http://a b", "issuer must be a URL that starts with http:// or https://, not 'http://a b'"),
        ("grace", -1, "grace must be a number of seconds, 0 or more, not -1"),
        ("grace", float("nan"), "grace must be a number of seconds, 0 or more, not nan"),
        ("grace", float("inf"), "grace must be a number of seconds, 0 or more, not inf"),
        ("grace", timedelta.max.total_seconds(), "grace must be a number of seconds, 0 or more, not 86400000000000"),
        ("grace", "10", "grace must be a number of seconds, 0 or more, not '10'"),
        ("app_engine", "", "app_engine must be an address such as 'http://localhost:8080', not '': "),
        ("app_engine", "localhost:http", "not 'localhost:http': 'localhost:http' has no valid port"),
        ("app_engine", "http://localhost:8080/app", "not 'http://localhost:8080/app': it must have a host and a port"),
        ("app_engine", "http://localhost?a", r"not 'http://localhost\?a': it must have a host and a port, and no more"),
        ("app_engine", "http://me@localhost", "not 'http://me@localhost': it must have a host and a port, and no more"),
        ("app_engine", "ftp://localhost", "not 'ftp://localhost': the URL 'ftp://localhost' does not start with http"),
        ("app_engine", 8080, "app_engine must be a string, not 8080"),
        ("database", "", "'' is no database: give 'sqlite:///tasks.db'"),
        ("database", Path("tasks.db"), "database must be a string, not PosixPath"),
    ],
)
def test_a_value_that_is_not_accepted_is_refused_by_the_name_of_its_setting(
    setting: str, value: Any, said: str
) -> None:
    given: dict[str, Any] = {"database": "memory:", setting: value}
    with pytest.raises(ValueError, match=said):
        LocalService(app_url=URL, **given)
    with pytest.raises(ValueError, match=said):
        PortSettings(**given)


@pytest.mark.parametrize(
    ("given", "origin"),
    [
        (None, None),
        ("localhost:8080", "http://localhost:8080"),
        ("http://LOCALHOST:8080/", "http://localhost:8080"),
        ("https://app.test", "https://app.test:443"),
        ("[::1]:8080", "http://[::1]:8080"),
    ],
)
def test_an_address_may_be_a_url_or_a_host_and_a_port(given: str | None, origin: str | None) -> None:
    """CT-L13."""
    assert Settings(app_engine=given).policy.app_engine == origin


def test_an_empty_host_is_refused_since_no_client_can_be_told_of_it() -> None:
    with pytest.raises(ValueError, match="host must not be empty"):
        PortSettings(host="")

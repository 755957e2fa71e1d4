"""The options of jobs, by the rules that those of tasks have: checked where they are given, in layers."""

from typing import Any
from unittest import mock

import pytest
from google.cloud.scheduler_v1 import CloudSchedulerAsyncClient, CloudSchedulerClient, RetryConfig
from google.cloud.tasks_v2 import CloudTasksAsyncClient, CloudTasksClient

from fastapi_gcp_tasks import AsyncSchedulerOptions, SchedulerOptions
from fastapi_gcp_tasks.job_options import JOB_OPTIONS, JobOptions
from fastapi_gcp_tasks.options import TASK_OPTIONS, Kind, builder_layer, options_layer
from gcptasks.base.unset import UNSET, merged
from routes.routes_fakes import QUEUE, URL

LOCATION = "projects/p/locations/l"
BUILDER = {
    "location_path": LOCATION,
    "callback_base_url": URL,
    "base_url": None,
    "job_create_timeout": 10.0,
    "pre_create_hook": None,
    "client": None,
}


def hook(request: Any) -> Any:
    return request


async def async_hook(request: Any) -> Any:
    return request


def client_factory() -> CloudSchedulerAsyncClient:
    raise NotImplementedError


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("location_path", LOCATION),
        ("callback_base_url", URL),
        ("job_create_timeout", 2.5),
        ("job_create_timeout", None),
        ("pre_create_hook", hook),
        ("pre_create_hook", None),
        ("client", mock.Mock(spec=CloudSchedulerClient)),
        ("client", mock.Mock(spec=CloudSchedulerAsyncClient)),
        ("client", client_factory),
        ("client", None),
        ("retry_config", RetryConfig(retry_count=3)),
        ("time_zone", "UTC"),
        ("time_zone", "America/Argentina/Ushuaia"),
        ("force", True),
        ("force", False),
    ],
)
def test_an_option_is_kept_as_it_was_given_and_the_others_stay_unset(name: str, value: Any) -> None:
    assert options_layer(JOB_OPTIONS, {name: value}) == JobOptions(**{name: value})


@pytest.mark.parametrize(
    ("name", "value", "error", "reason"),
    [
        ("location_path", "projects/p", ValueError, "'projects/p': Location name must be formatted"),
        ("location_path", QUEUE, ValueError, "Location name must be formatted"),
        ("location_path", None, TypeError, "must be a string"),
        ("callback_base_url", "worker", ValueError, "must begin with http"),
        ("job_create_timeout", 0, ValueError, "must be more than 0 seconds"),
        ("job_create_timeout", -1, ValueError, "must be 0 seconds or more"),
        ("job_create_timeout", True, TypeError, "must be a number of seconds"),
        ("pre_create_hook", async_hook, TypeError, "must be a plain function"),
        ("client", object(), TypeError, "must be a CloudSchedulerClient .with ScheduledRouteBuilder., or a Cloud"),
        (
            "client",
            "client",
            TypeError,
            "AsyncClient or a factory of one .with AsyncScheduledRouteBuilder.",
        ),
        ("retry_config", {"retry_count": 3}, TypeError, "must be a google.cloud.scheduler_v1.RetryConfig, not {"),
        ("retry_config", None, TypeError, "RetryConfig, not None"),
        ("time_zone", None, TypeError, "must be a string"),
        ("force", 1, TypeError, "must be True or False, not 1"),
        ("force", None, TypeError, "must be True or False, not None"),
    ],
)
def test_a_value_that_an_option_cannot_have_is_refused_by_the_options_name(
    name: str, value: Any, error: type[Exception], reason: str
) -> None:
    with pytest.raises(error, match=f"^{name} .*{reason}"):
        options_layer(JOB_OPTIONS, {name: value})


@pytest.mark.parametrize(
    "zone", ["", "Asia/Tokio", "America", "../UTC", "/etc/localtime", "UTC\0", "\udc80", "x" * 300]
)
def test_a_time_zone_that_the_zone_database_does_not_know_is_refused(zone: str) -> None:
    with pytest.raises(ValueError, match=r"^time_zone must be the name of a time zone, such as"):
        options_layer(JOB_OPTIONS, {"time_zone": zone})


def test_options_of_tasks_are_not_those_of_jobs() -> None:
    known = "location_path, callback_base_url, job_create_timeout, .*, time_zone, force, base_url"
    with pytest.raises(TypeError, match=f"there is no option 'countdown'; the options are {known}"):
        options_layer(JOB_OPTIONS, {"countdown": 3})
    with pytest.raises(TypeError, match="there is no option 'time_zone'; the options are queue_path, "):
        options_layer(TASK_OPTIONS, {"time_zone": "UTC"})


def test_clients_of_tasks_pass_no_instance_check_of_jobs() -> None:
    # Neither is callable, so neither can be a factory.
    for client in (mock.NonCallableMock(spec=CloudTasksClient), mock.NonCallableMock(spec=CloudTasksAsyncClient)):
        with pytest.raises(TypeError, match="client must be a CloudSchedulerClient"):
            options_layer(JOB_OPTIONS, {"client": client})


def test_the_older_name_of_the_url_is_the_same_option() -> None:
    assert options_layer(JOB_OPTIONS, {"base_url": f"{URL}/"}).callback_base_url == URL
    with pytest.raises(TypeError, match="give one of them"):
        options_layer(JOB_OPTIONS, {"base_url": URL, "callback_base_url": URL})


def test_a_builders_layer_has_every_option_set() -> None:
    layer = builder_layer(JOB_OPTIONS, BUILDER)
    assert layer == JobOptions(LOCATION, URL, 10.0, None, None, retry_config=None, time_zone="UTC", force=False)
    assert UNSET not in layer


@pytest.mark.parametrize("kind", [TASK_OPTIONS, JOB_OPTIONS], ids=["tasks", "jobs"])
def test_a_builder_needs_one_base_url(kind: Kind[Any]) -> None:
    with pytest.raises(TypeError, match="callback_base_url is missing"):
        builder_layer(kind, {"callback_base_url": None, "base_url": None})
    with pytest.raises(TypeError, match="give one of them"):
        builder_layer(kind, {"callback_base_url": URL, "base_url": URL})
    assert builder_layer(kind, {"callback_base_url": None, "base_url": URL}).callback_base_url == URL


def test_an_upper_layer_replaces_what_it_sets_and_nothing_else() -> None:
    lower = builder_layer(JOB_OPTIONS, {**BUILDER, "pre_create_hook": hook})
    upper = options_layer(JOB_OPTIONS, {"time_zone": "Asia/Tokyo", "job_create_timeout": None, "pre_create_hook": None})
    assert merged(lower, upper) == lower._replace(time_zone="Asia/Tokyo", job_create_timeout=None, pre_create_hook=None)


@pytest.mark.parametrize("kind", [TASK_OPTIONS, JOB_OPTIONS], ids=["tasks", "jobs"])
def test_every_field_has_its_check_and_every_check_its_field(kind: Kind[Any]) -> None:
    assert tuple(kind.checks) == kind.defaults._fields


@pytest.mark.parametrize("options", [SchedulerOptions, AsyncSchedulerOptions])
def test_the_typed_options_are_those_that_are_accepted(options: Any) -> None:
    assert options.__optional_keys__ == set(JobOptions._fields) | {"base_url"}

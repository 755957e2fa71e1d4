"""Which method a path of REST means."""

import pytest

from gcptasks.service.served import METHODS
from gcptasks.web.paths import Paths, prefix

PATHS = Paths(METHODS.values())
LOCATION = "projects/p/locations/l"
QUEUE = f"{LOCATION}/queues/q"
TASK = f"{QUEUE}/tasks/t"


def found(http_method: str, path: str) -> tuple[str, str, str] | None:
    """The method, the field that the path gives, and its value."""
    what = PATHS.find(http_method, path)
    return what and (what.method.name, what.field, what.value)


@pytest.mark.parametrize(
    ("http_method", "path", "method", "field", "value"),
    [
        ("POST", f"/v2/{LOCATION}/queues", "CreateQueue", "parent", LOCATION),
        ("GET", f"/v2/{QUEUE}", "GetQueue", "name", QUEUE),
        ("POST", f"/v2/{QUEUE}:pause", "PauseQueue", "name", QUEUE),
        ("POST", f"/v2/{QUEUE}/tasks:batchCreate", "BatchCreateTasks", "parent", QUEUE),
        ("POST", f"/v2/{TASK}:run", "RunTask", "name", TASK),
        ("DELETE", f"/v2/{TASK}", "DeleteTask", "name", TASK),
        ("GET", "/v2/projects/p/locations", "ListLocations", "name", "projects/p"),
        ("GET", "/v1/projects/p/locations", "ListLocations", "name", "projects/p"),
        ("GET", f"/v2/{LOCATION}/operations/o", "GetOperation", "name", f"{LOCATION}/operations/o"),
    ],
)
def test_a_path_means_its_method(http_method: str, path: str, method: str, field: str, value: str) -> None:
    assert found(http_method, path) == (method, field, value)


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ("example.com:p", "example.com:p"),
        ("example.com%3Ap", "example.com:p"),
        ("%70", "p"),
        ("a%2Fb", "a%2Fb"),
        ("a%2fb%41", "a%2fbA"),
        ("%C3%BC", "ü"),
        ("%FF", "\ufffd"),
        ("a b", "a b"),
        ("%", "%"),
        ("..", ".."),
        ("a:run", "a:run"),
    ],
)
def test_a_segment_is_read_as_googles_rules_say(sent: str, read: str) -> None:
    """A slash that is percent-encoded stays so: the value has several segments."""
    name = "projects/{}/locations/l/queues/q"
    assert found("GET", f"/v2/{name.format(sent)}") == ("GetQueue", "name", name.format(read))


@pytest.mark.parametrize(
    ("http_method", "path"),
    [
        ("DELETE", f"/v2/{QUEUE}:pause"),
        ("GET", f"/v2/{QUEUE}:pause"),
        ("GET", f"/v2/{LOCATION}/operations"),
        ("POST", f"/v2/{LOCATION}/operations/o:wait"),
        ("POST", f"/v2/{LOCATION}/operations/o:cancel"),
        ("DELETE", f"/v2/{LOCATION}/operations/o"),
        ("GET", "/v2/bogus"),
        ("POST", f"/v2/{QUEUE}%3Apause"),
        ("POST", f"/v2/{QUEUE}:PAUSE"),
        ("GET", f"/v2/{QUEUE}/"),
        ("GET", f"/v2/{LOCATION}/queues/"),
        ("GET", f"/v2//{QUEUE}"),
        ("GET", f"/v2/{TASK}/x"),
        ("GET", f"/v1/{QUEUE}"),
        ("GET", f"/V2/{QUEUE}"),
        ("get", f"/v2/{QUEUE}"),
        ("GET", QUEUE),
        ("GET", ""),
    ],
)
def test_other_paths_mean_nothing(http_method: str, path: str) -> None:
    """CT-327: among them those of another HTTP method. A custom verb is one as it is written."""
    assert found(http_method, path) is None


def test_what_is_no_verb_is_part_of_an_id() -> None:
    assert found("GET", f"/v2/{LOCATION}/queues/a:b") == ("GetQueue", "name", f"{LOCATION}/queues/a:b")


def test_a_path_begins_with_the_version_of_its_api() -> None:
    assert {prefix(rule) for method in METHODS.values() for rule in method.http} == {"/v1/", "/v2/"}

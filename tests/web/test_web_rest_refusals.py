"""Requests over REST that do not fit their messages, in the words of Google's APIs."""

import json
from contextlib import nullcontext
from operator import attrgetter
from typing import Any

import pytest
from google.protobuf import json_format
from hypothesis import given
from hypothesis import strategies as st

from gcptasks.base.errors import BadRequest, InvalidArgument
from gcptasks.service.method import HttpRule
from gcptasks.service.served import METHODS, AnyMethod
from gcptasks.web.json_request import request_message
from gcptasks.web.json_response import refusal_of, response_of
from gcptasks.web.paths import Found, Paths
from gcptasks.web.query import Form
from service.test_service_any_request import REQUESTS
from web.web_clients import LOCATION, QUEUE, Rest

TASKS = f"/v2/{QUEUE}/tasks"
JSON_NAME = "Invalid JSON payload received. Unknown name"
RULES = [(method, rule) for method in METHODS.values() for rule in method.http]


def problem(text: str, field: str = "") -> dict[str, str]:
    """One entry of `fieldViolations`."""
    return ({"field": field} if field else {}) | {"description": text}


@pytest.mark.parametrize(
    ("method", "path", "body", "problems"),
    [
        pytest.param("POST", TASKS, {"bogus": 1}, [problem(f'{JSON_NAME} "bogus": Cannot find field.')], id="CT-326a"),
        pytest.param(
            "POST",
            TASKS,
            {"task": {"httpRequest": {"bogus": 1, "other": 2}}},
            [
                problem(f"{JSON_NAME} \"{name}\" at 'task.http_request': Cannot find field.", "task.http_request")
                for name in ("bogus", "other")
            ],
            id="CT-326b",
        ),
        pytest.param(
            "GET",
            f"{TASKS}?bogus=1",
            None,
            [
                problem(
                    f'{JSON_NAME} "bogus": Cannot bind query parameter. '
                    "Field 'bogus' could not be found in request message."
                )
            ],
            id="CT-326c",
        ),
        pytest.param(
            "POST",
            TASKS,
            {"task": {"name": 5}},
            [problem("Invalid value at 'task.name' (TYPE_STRING), 5", "task.name")],
            id="CT-326d",
        ),
        pytest.param(
            "GET",
            f"{TASKS}?pageSize=abc",
            None,
            [problem("Invalid value at 'page_size' (TYPE_INT32), \"abc\"", "page_size")],
            id="CT-326e",
        ),
        pytest.param(
            "GET",
            f"{TASKS}?responseView=NOPE",
            None,
            [
                problem(
                    "Invalid value at 'response_view' (type.googleapis.com/google.cloud.tasks.v2.Task.View), \"NOPE\"",
                    "response_view",
                )
            ],
            id="CT-326f",
        ),
        pytest.param("POST", TASKS, [], [problem(f'{JSON_NAME} "": Root element must be a message.')], id="CT-326g"),
        pytest.param(
            "POST",
            f"/v2/{LOCATION}/queues",
            {"bogus": {}},
            [problem(f"{JSON_NAME} \"bogus\" at 'queue': Cannot find field.", "queue")],
            id="a field is the body",
        ),
        pytest.param(
            "POST",
            f"{TASKS}?bogus=1",
            {"other": 1},
            [
                problem(
                    f'{JSON_NAME} "bogus": Cannot bind query parameter. '
                    "Field 'bogus' could not be found in request message."
                ),
                problem(f'{JSON_NAME} "other": Cannot find field.'),
            ],
            id="query and body",
        ),
    ],
)
async def test_what_does_not_fit_is_told_one_by_one(
    rest: Rest, method: str, path: str, body: Any, problems: list[dict[str, str]]
) -> None:
    """CT-326, CT-326a to CT-326g; nobody has looked whether there is such a queue."""
    answer = await rest.ask(method, path, body)
    assert answer.status == 400
    assert answer.json["error"] == {
        "code": 400,
        "message": "\n".join(problem["description"] for problem in problems),
        "status": "INVALID_ARGUMENT",
        "details": [{"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": problems}],
    }


@pytest.mark.parametrize("body", ['{"task": ', "", "{'task': 1}", '{"a": 1}}', "\ufeff{}", "NaN", "[" * 100_000])
async def test_what_is_no_json_is_refused_with_the_parsers_account(rest: Rest, body: str) -> None:
    """CT-326h."""
    answer = await rest.ask("POST", TASKS, body or '{"a"')
    assert answer.status == 400
    assert answer.message.startswith("Invalid JSON payload received. ")


@pytest.mark.parametrize("body", [b"\xff", b'{"task": {"name": "\xe4"}}', b"\x1f\x8b"])
async def test_what_is_no_utf8_is_refused(rest: Rest, body: bytes) -> None:
    answer = await rest.ask("POST", TASKS, body)
    assert (answer.status, answer.message) == (
        400,
        "Invalid JSON payload received. Encountered non UTF-8 code points.",
    )


def wrong_with(body: str, path: str = TASKS, query: list[tuple[str, str]] | None = None) -> list[tuple[str, str]]:
    """What is wrong with a request, and where."""
    found = Paths(METHODS.values()).find("POST", path)
    assert found
    with pytest.raises(InvalidArgument) as raised:
        request_message(found, query or [], body.encode())
    (detail,) = raised.value.details
    assert isinstance(detail, BadRequest)
    assert raised.value.message == "\n".join(text for _, text in detail.violations)
    return list(detail.violations)


TIMESTAMP = "type.googleapis.com/google.protobuf.Timestamp"
DURATION = "type.googleapis.com/google.protobuf.Duration"


HTTP = "type.googleapis.com/google.cloud.tasks.v2.HttpRequest"
ILLEGAL_TIME = "Illegal timestamp format; timestamps must end with 'Z' or have a valid timezone offset."


@pytest.mark.parametrize(
    ("task", "field", "text"),
    [
        (
            '{"httpRequest": {"body": "hello, world"}}',
            "http_request.body",
            '(TYPE_BYTES), Base64 decoding failed for "hello, world"',
        ),
        ('{"httpRequest": {"body": "a"}}', "http_request.body", '(TYPE_BYTES), Base64 decoding failed for "a"'),
        ('{"httpRequest": {"body": {}}}', "http_request", "(body), Starting an object on a scalar field"),
        (
            '{"httpRequest": {"headers": []}}',
            "http_request.headers",
            "(Map), Cannot bind a list to map for field 'headers'.",
        ),
        ('{"httpRequest": {"headers": {"a": 1}}}', "http_request.headers[0].value", "(TYPE_STRING), 1"),
        ('{"httpRequest": 5}', "http_request", f"({HTTP}), 5"),
        ('{"httpRequest": ""}', "http_request", f'({HTTP}), ""'),
        ('{"scheduleTime": "now"}', "schedule_time", f"({TIMESTAMP}), Field 'scheduleTime', {ILLEGAL_TIME}"),
        (
            '{"scheduleTime": 5}',
            "schedule_time",
            f"({TIMESTAMP}), Field 'scheduleTime', Invalid data type for timestamp, value is 5",
        ),
        (
            '{"dispatchDeadline": "5"}',
            "dispatch_deadline",
            f"({DURATION}), Field 'dispatchDeadline', Illegal duration format; duration must end with 's'",
        ),
        (
            '{"httpRequest": {}, "appEngineHttpRequest": {}}',
            "",
            "(oneof), oneof field 'message_type' is already set. Cannot set 'appEngineHttpRequest'",
        ),
        pytest.param(
            '{"httpRequest": {"oauthToken": {}, "oidcToken": {}}}',
            "http_request",
            "(oneof), oneof field 'authorization_header' is already set. Cannot set 'oidcToken'",
            id="CT-107 two tokens",
        ),
        ('{"name": "\\ud800"}', "name", '(TYPE_STRING), "?"'),
    ],
)
def test_a_value_that_does_not_fit_is_told(task: str, field: str, text: str) -> None:
    place = f"task.{field}" if field else "task"
    assert wrong_with(f'{{"task": {task}}}') == [(place, f"Invalid value at '{place}' {text}")]


@pytest.mark.parametrize(
    ("body", "place", "text"),
    [
        ('{"task": []}', "", '"task": Proto field is not repeating, cannot start list.'),
        ('{"task": {"name": []}}', "task", "\"name\" at 'task': Proto field is not repeating, cannot start list."),
        ('{"\\ud800": 1}', "", '"?": Cannot find field.'),
        ("5", "", '"": Root element must be a message.'),
        ("null", "", '"": Root element must be a message.'),
    ],
)
def test_a_name_that_is_not_accepted_is_told(body: str, place: str, text: str) -> None:
    assert wrong_with(body) == [(place, f"{JSON_NAME} {text}")]


def test_items_of_lists_are_told_by_their_number() -> None:
    body = '{"requests": [{}, {"task": {"name": 5}}, 7, null]}'
    places = [place for place, _ in wrong_with(body, f"{TASKS}:batchCreate")]
    assert places == ["requests[1].task.name", "requests[2]", "requests[3]"]


@pytest.mark.parametrize("count", [1, 3, 1000])
def test_much_that_is_wrong_is_told_in_part(count: int) -> None:
    wrong = wrong_with(json.dumps({f"bogus{number}": "x" * 100_000 for number in range(count)}))
    assert len(wrong) == min(count, 20)
    ((_, text),) = wrong_with(json.dumps({"x" * 100_000: 1}))
    assert len(text) < 2000


def test_more_values_than_any_request_needs_are_refused() -> None:
    """They would hold up all others for seconds."""
    found = Paths(METHODS.values()).find("POST", f"{TASKS}:batchCreate")
    assert found
    for count, refused in ((3_000, False), (10_001, True), (1_300_000, True)):
        body = json.dumps({"requests": [{}] * count}, separators=(",", ":")).encode()
        with pytest.raises(InvalidArgument, match="more than 10000 values") if refused else nullcontext():
            request_message(found, [], body)


def test_commas_in_texts_are_no_values() -> None:
    headers = {"X-A": ',{["\\' * 20_000}
    found = Paths(METHODS.values()).find("POST", TASKS)
    assert found
    message: Any = request_message(found, [], json.dumps({"task": {"httpRequest": {"headers": headers}}}).encode())
    assert dict(message.task.http_request.headers) == headers


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("task", "'task' is a message type. Parameters can only be bound to primitive types."),
        ("task.bogus", "Field 'task.bogus' could not be found in request message."),
        ("task.name.x", "Field 'task.name.x' could not be found in request message."),
        ("task.scheduleTime.seconds", "Field 'task.scheduleTime.seconds' could not be found in request message."),
        ("", "Field '' could not be found in request message."),
        (".", "Field '.' could not be found in request message."),
    ],
)
def test_a_parameter_that_is_no_field_is_told(name: str, text: str) -> None:
    wrong = wrong_with("", query=[(name, "1")])
    assert wrong == [("", f'{JSON_NAME} "{name}": Cannot bind query parameter. {text}')]


async def test_fields_of_fields_are_bound_too(rest: Rest) -> None:
    await rest.queue()
    query = "task.httpRequest.url=http://localhost/&task.dispatch_deadline=15s&task.httpRequest.http_method=GET"
    task = (await rest.ask("POST", f"{TASKS}?{query}")).json
    assert (task["httpRequest"]["httpMethod"], task["dispatchDeadline"]) == ("GET", "15s")


@pytest.mark.parametrize(
    "common",
    [
        *(
            "key=k",
            "$key=k",
            "access_token=t",
            "oauth_token=t",
            "$.xgafv=2",
            "quotaUser=u",
            "$userProject=p",
            "alt=json",
        ),
        *("uploadType=x", "upload_protocol=x", "$ct=application/json", "$apiVersion=1", "prettyPrint=true", "$fields="),
    ],
)
async def test_parameters_of_all_apis_change_nothing(rest: Rest, common: str) -> None:
    plain = await rest.ask("GET", f"/v2/{LOCATION}")
    assert await rest.ask("GET", f"/v2/{LOCATION}?{common}") == plain


@pytest.mark.parametrize("alt", ["proto", "media", "json;enum-encoding=text", ""])
async def test_another_form_of_response_is_refused(rest: Rest, alt: str) -> None:
    answer = await rest.ask("GET", f"/v2/{LOCATION}?alt={alt}")
    assert (answer.status, answer.message) == (
        400,
        f"There is no alt={alt}: responses are JSON. Leave the parameter out.",
    )


@pytest.mark.parametrize("name", ["callback", "$callback"])
async def test_no_response_is_a_script(rest: Rest, name: str) -> None:
    answer = await rest.ask("GET", f"/v2/{LOCATION}?{name}=f")
    assert (answer.status, answer.message) == (
        400,
        "There is no callback: no page of another site may read a response.",
    )


@pytest.mark.parametrize(("method", "name"), [("GET", "GetQueue"), ("DELETE", "DeleteQueue")])
async def test_a_body_is_refused_where_none_belongs(rest: Rest, method: str, name: str) -> None:
    answer = await rest.ask(method, f"/v2/{QUEUE}", {})
    assert (answer.status, answer.message) == (400, f"{name} takes no body; send the request without one.")


def names_in(kind: Any, seen: set[str]) -> set[str]:
    """What the fields of a message, and of those in it, are called."""
    if kind.full_name in seen:
        return set()
    seen.add(kind.full_name)
    inner = [names_in(field.message_type, seen) for field in kind.fields if field.message_type]
    return {name for field in kind.fields for name in (field.name, field.json_name)}.union(*inner)


NAMES = st.sampled_from(
    sorted({name for row in METHODS.values() for name in names_in(row.request.DESCRIPTOR, set())} | {"@type", "[a.b]"})
)
JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from([2**31, 2**63, 10**400, 1e300, "2026-01-01T00:00:00Z", "10s", "1e999s", "aGk=", "\ud800", "FULL"])
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES | st.text(max_size=5), inner, max_size=4),
    max_leaves=8,
)
PARAMETERS = NAMES | st.tuples(NAMES, NAMES).map(".".join) | st.text(max_size=5)
QUERIES = st.lists(st.tuples(PARAMETERS, st.sampled_from(["1", "-1", "FULL", "10s"]) | st.text(max_size=5)), max_size=3)


@given(st.sampled_from(RULES), JSON_VALUES | st.binary(max_size=9), QUERIES)
def test_any_json_makes_a_message_or_is_refused_as_the_callers_fault(
    row: tuple[AnyMethod, HttpRule], value: Any, query: list[tuple[str, str]]
) -> None:
    method, rule = row
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    refusals: list[InvalidArgument] = []
    try:
        request_message(Found(method, rule, "projects/p"), query, body)
    except InvalidArgument as error:
        refusals.append(error)
    assert [error for error in refusals if not error.message or refusal_of(error, Form()).status != 400] == []


@given(REQUESTS, st.builds(Form))
def test_a_message_arrives_as_it_was_written_in_json(request_: tuple[str, dict[str, Any]], form: Form) -> None:
    """CT-019, CT-020: whatever is in it that JSON can say."""
    name, fields = request_
    method = next(row for row in METHODS.values() if row.name == name.title().replace("_", ""))
    message = method.request(**fields)
    try:
        body = response_of(message, form).body
    except json_format.SerializeToJsonError:
        return
    fields_there = method.request.DESCRIPTOR.fields_by_name
    field = next(name for name in ("name", "parent", "queue") if name in fields_there)
    if field == "queue":  # whose name is in the path, so that there is always one
        message.queue.SetInParent()
        field = "queue.name"
    found = Found(method, HttpRule("POST", f"/v2/{{{field}=*}}", body="*"), attrgetter(field)(message))
    assert isinstance(body, bytes)
    arrived = request_message(found, [], body)
    assert arrived.SerializeToString(deterministic=True) == message.SerializeToString(deterministic=True)

"""The parameter `fields` over REST: parts of a response."""

import json
from typing import Any

import pytest
from google.protobuf.descriptor import Descriptor
from hypothesis import given
from hypothesis import strategies as st

from gcptasks.base.errors import InvalidArgument
from gcptasks.web.json_fields import is_list, is_object, kind_of, object_kind
from gcptasks.web.selection import selected, selection
from gcptasks.wire.cloud_tasks.messages import ListQueuesResponse, Task
from web.web_clients import LOCATION, QUEUE, Rest

QUEUES = f"/v2/{LOCATION}/queues"
TASKS = f"/v2/{QUEUE}/tasks"
NEW_TASK = {"task": {"httpRequest": {"url": "http://localhost/", "headers": {"X-A": "1"}}}}


@pytest.mark.parametrize(
    ("fields", "part"),
    [
        ("name", {"name": QUEUE}),
        ("state,name", {"name": QUEUE, "state": "PAUSED"}),
        ("rateLimits/maxBurstSize", {"rateLimits": {"maxBurstSize": 100}}),
        ("rateLimits.maxBurstSize", {"rateLimits": {"maxBurstSize": 100}}),
        ("rate_limits(max_burst_size)", {"rateLimits": {"maxBurstSize": 100}}),
        (
            "retryConfig(minBackoff,maxBackoff),name",
            {"name": QUEUE, "retryConfig": {"minBackoff": "0.100s", "maxBackoff": "3600s"}},
        ),
        (
            "retryConfig/maxAttempts,rateLimits,rateLimits/maxBurstSize",
            {
                "rateLimits": {"maxDispatchesPerSecond": 500, "maxBurstSize": 100, "maxConcurrentDispatches": 1000},
                "retryConfig": {"maxAttempts": 100},
            },
        ),
        ("*/maxDoublings", {"retryConfig": {"maxDoublings": 16}}),
        (" name , state ", {"name": QUEUE, "state": "PAUSED"}),
        ("purgeTime", {}),
    ],
)
async def test_of_a_response_only_what_is_wanted_is_sent(rest: Rest, fields: str, part: dict[str, Any]) -> None:
    await rest.queue()
    answer = await rest.ask("GET", f"/v2/{QUEUE}?fields={fields}")
    assert answer.status == 200
    assert answer.text == json.dumps(part, indent=2) + "\n"


async def test_what_is_wanted_of_a_list_is_wanted_of_each_item(rest: Rest) -> None:
    await rest.queue()
    for _ in range(2):
        await rest.ask("POST", TASKS, NEW_TASK)
    answer = await rest.ask("GET", f"{TASKS}?pageSize=1&fields=tasks(httpRequest/url),nextPageToken")
    assert set(answer.json) == {"tasks", "nextPageToken"}
    assert answer.json["tasks"] == [{"httpRequest": {"url": "http://localhost/"}}]
    assert set((await rest.ask("GET", f"{TASKS}?pageSize=1&fields=tasks/name")).json) == {"tasks"}
    headers = await rest.ask("GET", f"{TASKS}?$fields=tasks.httpRequest(headers)&prettyPrint=false")
    assert [task["httpRequest"]["headers"]["X-A"] for task in headers.json["tasks"]] == ["1", "1"]
    assert "\n" not in headers.text


async def test_the_parameter_may_come_several_times_and_be_empty(rest: Rest) -> None:
    await rest.queue()
    assert (await rest.ask("GET", f"/v2/{QUEUE}?fields=name&fields=state")).json == {"name": QUEUE, "state": "PAUSED"}
    assert await rest.ask("GET", f"/v2/{QUEUE}?fields=") == await rest.ask("GET", f"/v2/{QUEUE}")


async def test_a_header_may_say_it_unless_the_query_does(rest: Rest) -> None:
    await rest.queue()
    mask = {"X-Goog-FieldMask": "state"}
    assert (await rest.ask("GET", f"/v2/{QUEUE}", **mask)).json == {"state": "PAUSED"}
    assert (await rest.ask("GET", f"/v2/{QUEUE}?fields=name", **mask)).json == {"name": QUEUE}


async def test_what_is_written_is_answered_in_part_too(rest: Rest) -> None:
    assert (await rest.ask("POST", f"{QUEUES}?fields=state", {"name": QUEUE})).json == {"state": "RUNNING"}


async def test_a_refusal_is_whole(rest: Rest) -> None:
    assert (await rest.ask("GET", f"/v2/{QUEUE}?fields=name")).json["error"]["status"] == "NOT_FOUND"


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ("bogus", "Cannot find matching fields for path 'bogus'."),
        ("name,rateLimits(bogus)", "Cannot find matching fields for path 'rateLimits.bogus'."),
        ("name/bogus", "Cannot find matching fields for path 'name.bogus'."),
        ("purgeTime/seconds", "Cannot find matching fields for path 'purgeTime.seconds'."),
        ("rateLimits,rateLimits/bogus", "Cannot find matching fields for path 'rateLimits.bogus'."),
        ("*/bogus", "Cannot find matching fields for path '*.bogus'."),
        ("name,", "It is not a list of fields such as queues(name,state): see at its end."),
        ("name,,state", "It is not a list of fields such as queues(name,state): see at ','."),
        ("rateLimits()", "It is not a list of fields such as queues(name,state): see at ')'."),
        ("rateLimits(maxBurstSize", "It is not a list of fields such as queues(name,state): see at its end."),
        ("name)", "It is not a list of fields such as queues(name,state): see at ')'."),
        ("name state", "It is not a list of fields such as queues(name,state): see at 'state'."),
        ("rateLimits(maxBurstSize)name", "It is not a list of fields such as queues(name,state): see at 'name'."),
        ("a(" * 2000, "It is not a list of fields such as queues(name,state): see at 'a'."),
    ],
)
async def test_fields_that_are_not_there_are_refused_and_nothing_is_done(rest: Rest, fields: str, why: str) -> None:
    """In the words that Google's APIs have; the call is not made."""
    answer = await rest.ask("POST", f"{QUEUES}?fields={fields}", {"name": QUEUE})
    assert (answer.status, answer.message) == (400, "Request contains an invalid argument.")
    violation = {"field": fields.strip()[:1000], "description": f"Error expanding 'fields' parameter. {why}"}
    assert answer.json["error"]["details"] == [
        {"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [violation]}
    ]
    assert (await rest.ask("GET", f"/v2/{QUEUE}")).status == 404


async def test_what_has_no_schema_is_wanted_whole_or_not_at_all(rest: Rest) -> None:
    """The members of an operation's response depend on its kind, and headers have any names."""
    await rest.queue()
    batch = {"requests": [{"parent": QUEUE, **NEW_TASK}]}
    operation = (await rest.ask("POST", f"{TASKS}:batchCreate?fields=name,response", batch)).json
    assert set(operation) == {"name", "response"}
    for path in ("response/tasks", "metadata(state)"):
        assert (await rest.ask("GET", f"/v2/{operation['name']}?fields={path}")).status == 400
    assert (await rest.ask("GET", f"{TASKS}?fields=tasks/httpRequest/headers/X-A")).status == 400


def paths_in(kind: Descriptor) -> list[str]:
    """All that can be wanted of a message of that kind."""
    found: list[str] = []
    for field in kind.fields:
        found.append(field.json_name)
        inner = object_kind(field)
        if inner and not inner.GetOptions().map_entry:
            found += [f"{field.json_name}/{path}" for path in paths_in(inner)]
    return found


def example_of(kind: Descriptor) -> dict[str, Any]:
    """A message that has everything, lists with two items."""
    found: dict[str, Any] = {}
    for field in kind.fields:
        inner = object_kind(field)
        value = "x" if inner is None or inner.GetOptions().map_entry else example_of(inner)
        found[field.json_name] = [value, value] if field.is_repeated else value
    return found


def leaves(value: Any, path: str = "") -> set[str]:
    if is_object(value):
        return {leaf for name, member in value.items() for leaf in leaves(member, f"{path}{name}/")}
    if is_list(value):
        return {leaf for item in value for leaf in leaves(item, path)}
    return {path}


LIST = kind_of(ListQueuesResponse)


@given(st.lists(st.sampled_from(paths_in(LIST)), min_size=1), st.booleans())
def test_any_paths_give_what_is_below_them_and_no_more(paths: list[str], grouped: bool) -> None:
    text = ",".join(paths)
    if grouped:
        text = ",".join(path.replace("/", "(") + ")" * path.count("/") for path in paths)
    whole = example_of(LIST)
    wanted = {leaf for leaf in leaves(whole) if any(leaf.startswith(f"{path}/") for path in paths)}
    assert leaves(selected(whole, selection(text, LIST))) == wanted


@given(
    st.text(st.sampled_from("(),/.* aé\ud800") | st.characters(), max_size=30)
    | st.lists(st.sampled_from(["tasks", "*", "(", ")", ",", "/", "url"])).map("".join)
)
def test_any_text_chooses_something_or_is_the_callers_fault(text: str) -> None:
    try:
        selection(text, kind_of(Task))
    except InvalidArgument:
        pass

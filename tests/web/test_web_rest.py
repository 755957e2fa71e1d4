"""Cloud Tasks over REST, byte by byte as Google writes it. What the calls do, `tests/service` asks so as well."""

from datetime import UTC, datetime, timedelta

import pytest

from gcptasks.base.errors import InvalidArgument, NotFound
from gcptasks.web.json_response import refusal_of
from gcptasks.web.query import Form
from web.web_clients import LOCATION, QUEUE, Rest

TASK = f"{QUEUE}/tasks/t"
DAY = datetime.now(UTC) + timedelta(days=2)
NEW_TASK = {
    "task": {
        "name": TASK,
        "scheduleTime": DAY.strftime("%Y-%m-%dT01:00:00.5+01:00"),
        "dispatchDeadline": "15.500s",
        "httpRequest": {"url": "http://localhost/ü", "body": "/+8=", "headers": {"X-A": "<&>"}},
    },
    "responseView": "FULL",
}


async def test_a_body_is_indented_by_two_and_ends_with_a_newline(rest: Rest) -> None:
    """CT-009, CT-019, CT-320, CT-322, CS-007: keys in camelCase, in the order of the fields' numbers."""
    answer = await rest.ask("POST", f"/v2/{LOCATION}/queues", {"name": QUEUE})
    assert (answer.status, answer.content_type) == (200, "application/json; charset=UTF-8")
    assert answer.text == (
        "{\n"
        f'  "name": "{QUEUE}",\n'
        '  "rateLimits": {\n'
        '    "maxDispatchesPerSecond": 500,\n'
        '    "maxBurstSize": 100,\n'
        '    "maxConcurrentDispatches": 1000\n'
        "  },\n"
        '  "retryConfig": {\n'
        '    "maxAttempts": 100,\n'
        '    "minBackoff": "0.100s",\n'
        '    "maxBackoff": "3600s",\n'
        '    "maxDoublings": 16\n'
        "  },\n"
        '  "state": "RUNNING"\n'
        "}\n"
    )


async def test_a_queue_is_changed_by_a_mask_in_the_query(rest: Rest) -> None:
    """CT-010, CT-323, CT-331: the path names the queue, whatever the body says, which may be in snake_case."""
    await rest.queue()
    change = {"name": "no", "rate_limits": {"max_dispatches_per_second": 7}, "retryConfig": {"maxAttempts": 3}}
    changed = await rest.ask("PATCH", f"/v2/{QUEUE}?updateMask=rateLimits.maxDispatchesPerSecond", change)
    assert (changed.json["name"], changed.json["retryConfig"]["maxAttempts"]) == (QUEUE, 100)
    assert changed.json["rateLimits"]["maxDispatchesPerSecond"] == 7
    assert (await rest.ask("PATCH", f"/v2/{QUEUE}?updateMask=", {})).json == changed.json
    reset = await rest.ask("POST", f"/v2/{QUEUE}", {}, X_HTTP_Method_Override="PATCH")
    assert reset.json["rateLimits"]["maxDispatchesPerSecond"] == 500
    wrong = await rest.ask("PATCH", f"/v2/{QUEUE}?updateMask=noSuch", {})
    assert (wrong.status, wrong.message) == (400, "Invalid mask: no_such")


async def test_a_task_has_its_members_in_googles_order_and_form(rest: Rest) -> None:
    """CT-013, CT-014, CT-019, CT-322."""
    await rest.queue()
    created = await rest.ask("POST", f"/v2/{QUEUE}/tasks", NEW_TASK)
    assert list(created.json) == ["name", "httpRequest", "scheduleTime", "createTime", "dispatchDeadline", "view"]
    task = created.json
    assert task["scheduleTime"] == DAY.strftime("%Y-%m-%dT00:00:00.500Z")
    assert task["dispatchDeadline"] == "15.500s"
    assert task["httpRequest"]["body"] == "/+8="
    assert task["httpRequest"]["headers"]["X-A"] == "<&>"
    assert '"http://localhost/ü"' in created.text
    assert (await rest.ask("GET", f"/v2/{TASK}?responseView=FULL")).text == created.text
    assert (await rest.ask("DELETE", f"/v2/{TASK}")).text == "{}\n"
    assert (await rest.ask("GET", f"/v2/{TASK}")).status == 404


@pytest.mark.parametrize("name", ["prettyPrint", "$prettyPrint"])
async def test_without_pretty_print_all_is_in_one_line(rest: Rest, name: str) -> None:
    """CT-320."""
    answer = await rest.ask("GET", f"/v2/{LOCATION}?{name}=false")
    assert answer.text == f'{{"name":"{LOCATION}","locationId":"l"}}'
    assert (await rest.ask("GET", f"/v2/{LOCATION}?{name}=true")).text.endswith("}\n")


async def test_enums_are_numbers_if_the_client_wants_it(rest: Rest) -> None:
    """CT-321; they are read as names and as numbers, in the query too (CT-020)."""
    await rest.queue()
    await rest.ask("POST", f"/v2/{QUEUE}/tasks", NEW_TASK | {"responseView": 2})
    wanted = "$alt=json;enum-encoding=int"
    listed = await rest.ask("GET", f"/v2/{QUEUE}/tasks?{wanted}&responseView=2")
    (task,) = listed.json["tasks"]
    assert (task["view"], task["httpRequest"]["httpMethod"]) == (2, 1)
    assert (await rest.ask("GET", f"/v2/{QUEUE}?%24alt=json%3Benum-encoding%3Dint")).json["state"] == 2
    assert (await rest.ask("GET", f"/v2/{QUEUE}?alt=json")).json["state"] == "PAUSED"
    assert (await rest.ask("GET", f"/v2/{TASK}?responseView=0")).json["view"] == "BASIC"


async def test_a_name_may_be_as_protobuf_has_it(rest: Rest) -> None:
    """CT-019."""
    await rest.queue()
    task = {"http_request": {"url": "http://localhost/", "http_method": "PUT"}}
    answer = await rest.ask("POST", f"/v2/{QUEUE}/tasks", {"task": task, "response_view": "FULL"})
    assert answer.json["httpRequest"]["httpMethod"] == "PUT"
    assert len((await rest.ask("GET", f"/v2/{QUEUE}/tasks?page_size=1")).json["tasks"]) == 1


@pytest.mark.parametrize("body", [None, "", "{}", " \n"])
async def test_a_verb_takes_an_empty_body_or_none(rest: Rest, body: str | None) -> None:
    """CT-011, CS-005."""
    await rest.queue()
    answer = await rest.ask("POST", f"/v2/{QUEUE}:resume", body)
    assert (answer.status, answer.json["state"]) == (200, "RUNNING")


async def test_a_list_of_nothing_is_an_empty_object(rest: Rest) -> None:
    """CS-006."""
    assert (await rest.ask("GET", f"/v2/{LOCATION}/queues")).text == "{}\n"


async def test_lists_have_pages(rest: Rest) -> None:
    """CT-324."""
    for queue in "ab":
        await rest.ask("POST", f"/v2/{LOCATION}/queues", {"name": f"{LOCATION}/queues/{queue}"})
    first = (await rest.ask("GET", f"/v2/{LOCATION}/queues?pageSize=1")).json
    second = await rest.ask("GET", f"/v2/{LOCATION}/queues?pageSize=1&pageToken={first['nextPageToken']}")
    names = [queue["name"].rpartition("/")[2] for queue in (*first["queues"], *second.json["queues"])]
    assert names == ["a", "b"]


async def test_what_the_path_says_counts(rest: Rest) -> None:
    """CT-325."""
    await rest.queue()
    elsewhere = {"parent": f"{LOCATION}/queues/other", **NEW_TASK}
    answer = await rest.ask("POST", f"/v2/{QUEUE}/tasks?parent=x", elsewhere)
    assert answer.json["name"] == TASK


async def test_an_operation_names_the_types_of_its_parts(rest: Rest) -> None:
    """CT-015, CT-016, CT-325."""
    await rest.queue()
    batch = {"requests": [{"parent": QUEUE, **NEW_TASK}]}
    operation = await rest.ask("POST", f"/v2/{QUEUE}/tasks:batchCreate", batch)
    types = "type.googleapis.com/google.cloud.tasks.v2"
    assert list(operation.json) == ["name", "metadata", "done", "response"]
    assert operation.json["done"] is True
    metadata, response = operation.json["metadata"], operation.json["response"]
    assert list(metadata) == ["@type", "startTime", "endTime", "state"]
    assert (metadata["@type"], metadata["state"]) == (f"{types}.BatchCreateTasksMetadata", "SUCCEEDED")
    assert response["@type"] == f"{types}.BatchCreateTasksResponse"
    assert [task["name"] for task in response["tasks"]] == [TASK]
    assert (await rest.ask("GET", f"/v2/{operation.json['name']}")).text == operation.text


async def test_a_post_may_stand_for_another_method(rest: Rest) -> None:
    """CT-331: so Google's Java client sends PATCH."""
    await rest.queue()
    answer = await rest.ask("POST", f"/v2/{QUEUE}", X_HTTP_Method_Override="DELETE")
    assert (answer.status, answer.text) == (200, "{}\n")
    assert (await rest.ask("GET", f"/v2/{QUEUE}", X_HTTP_Method_Override="DELETE")).status == 404


async def test_locations_are_served_at_the_paths_of_both_apis(rest: Rest) -> None:
    """CT-016."""
    await rest.queue()
    for version in ("v1", "v2"):
        (location,) = (await rest.ask("GET", f"/{version}/projects/p/locations")).json["locations"]
        assert location == {"name": LOCATION, "locationId": "l"}


@pytest.mark.parametrize(
    ("error", "size"),
    [
        (NotFound("Job not found."), 97),
        (InvalidArgument("The provided schedule or timezone are invalid."), 136),
    ],
)
def test_a_refusal_has_as_many_bytes_as_googles(error: Exception, size: int) -> None:
    """CS-008, CS-186."""
    assert refusal_of(error, Form()).content_length == size


async def test_a_refusal_is_written_as_google_writes_it(rest: Rest) -> None:
    """CT-018: details have their type, and are left out if there are none."""
    assert (await rest.ask("GET", f"/v2/{QUEUE}/tasks/t")).text == (
        "{\n"
        '  "error": {\n'
        '    "code": 404,\n'
        '    "message": "Requested entity was not found.",\n'
        '    "status": "NOT_FOUND"\n'
        "  }\n"
        "}\n"
    )
    refused = await rest.ask("GET", f"/v2/{LOCATION}/queues/a_b")
    assert refused.json["error"]["details"] == [
        {
            "@type": "type.googleapis.com/google.rpc.Help",
            "links": [
                {
                    "description": "Definition of queue ID",
                    "url": "https://cloud.google.com/tasks/docs/reference/rest/v2/projects.locations.queues"
                    "#Queue.FIELDS.name",
                }
            ],
        }
    ]


@pytest.mark.parametrize(
    ("method", "path"), [("DELETE", f"/v2/{QUEUE}:pause"), ("GET", "/v2/bogus"), ("PUT", f"/v2/{QUEUE}")]
)
async def test_where_nothing_is_the_answer_says_what_is_served(rest: Rest, method: str, path: str) -> None:
    """CT-327, CT-L14."""
    answer = await rest.ask(method, path)
    assert (answer.status, answer.content_type) == (404, "text/plain; charset=utf-8")
    assert answer.text.startswith(f"There is nothing at {method} {path}.\n")
    assert "  google.cloud.tasks.v2.CloudTasks (/v2/…)\n" in answer.text
    assert "GET /health" in answer.text

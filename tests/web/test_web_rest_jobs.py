"""Cloud Scheduler over REST, as Google writes it. What the calls do, `tests/conformance` asks over REST as well."""

from typing import Any

import pytest

from web.web_clients import LOCATION, Rest

JOBS = f"/v1/{LOCATION}/jobs"
NAME = f"{LOCATION}/jobs/j"
JOB = {
    "name": NAME,
    "schedule": "0 0 1 1 *",
    "timeZone": "Etc/UTC",
    "retryConfig": {"retryCount": 1},
    "httpTarget": {"uri": "http://localhost:9/", "httpMethod": "PUT", "body": "aGk="},
}


async def created(rest: Rest) -> Any:
    return (await rest.ask("POST", JOBS, JOB)).json


async def test_a_job_has_its_members_in_googles_order_and_form(rest: Rest) -> None:
    """CS-003, CS-007, CS-186."""
    job = await created(rest)
    keys = "name httpTarget userUpdateTime state status scheduleTime retryConfig schedule timeZone attemptDeadline"
    assert list(job) == keys.split()
    assert (job["state"], job["status"], job["attemptDeadline"]) == ("ENABLED", {"code": -1}, "180s")
    assert (job["httpTarget"]["httpMethod"], job["httpTarget"]["body"]) == ("PUT", "aGk=")
    assert job["retryConfig"]["minBackoffDuration"] == "5s"


async def test_jobs_are_listed_fetched_and_deleted(rest: Rest) -> None:
    """CS-003, CS-004, CS-006."""
    assert (await rest.ask("GET", JOBS)).text == "{}\n"
    job = await created(rest)
    assert (await rest.ask("GET", JOBS)).json == {"jobs": [job]}
    assert (await rest.ask("GET", f"/v1/{NAME}")).json == job
    assert (await rest.ask("DELETE", f"/v1/{NAME}")).text == "{}\n"


async def test_refusals_have_as_many_bytes_as_googles(rest: Rest) -> None:
    """CS-008, CS-186."""
    missing = await rest.ask("GET", f"/v1/{NAME}")
    assert (missing.status, len(missing.text)) == (404, 97)
    wrong = await rest.ask("POST", JOBS, JOB | {"schedule": "nonsense"})
    assert (wrong.status, len(wrong.text)) == (400, 136)


@pytest.mark.parametrize("mask", ["schedule,retryConfig.retryCount", "schedule,retry_config.retry_count"])
async def test_a_job_is_changed_by_a_mask_in_the_query(rest: Rest, mask: str) -> None:
    """CS-004, CS-040; as in CT-323. Names as in protobuf are accepted too."""
    await created(rest)
    change = {"schedule": "* * * * *", "retryConfig": {"retryCount": 3}, "description": "not in the mask"}
    job = (await rest.ask("PATCH", f"/v1/{NAME}?updateMask={mask}", change)).json
    assert (job["schedule"], job["retryConfig"]["retryCount"]) == ("* * * * *", 3)
    assert "description" not in job


async def test_a_mask_of_unknown_fields_is_refused(rest: Rest) -> None:
    await created(rest)
    answer = await rest.ask("PATCH", f"/v1/{NAME}?updateMask=noSuch", {})
    assert (answer.status, answer.message) == (400, "Invalid mask for Job: no_such")


@pytest.mark.parametrize("body", [None, "{}"])
async def test_verbs_are_posted_to_the_job(rest: Rest, body: str | None) -> None:
    """CS-005."""
    await created(rest)
    assert (await rest.ask("POST", f"/v1/{NAME}:pause", body)).json["state"] == "PAUSED"
    assert (await rest.ask("POST", f"/v1/{NAME}:resume", body)).json["state"] == "ENABLED"
    assert (await rest.ask("POST", f"/v1/{NAME}:run", body)).status == 200


async def test_what_is_wrong_with_a_job_is_told_by_its_place_in_the_request(rest: Rest) -> None:
    answer = await rest.ask("POST", JOBS, JOB | {"httpTarget": {"body": "no base64!"}, "pubsubTarget": {}})
    assert answer.message.split("\n") == [
        "Invalid value at 'job.http_target.body' (TYPE_BYTES), Base64 decoding failed for \"no base64!\"",
        "Invalid value at 'job' (oneof), oneof field 'target' is already set. Cannot set 'pubsubTarget'",
    ]

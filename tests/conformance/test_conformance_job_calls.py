"""CreateJob, GetJob, ListJobs, DeleteJob: which fields a job has, and what is refused."""

from datetime import timedelta
from typing import Any

import pytest
from google.api_core.exceptions import AlreadyExists, InvalidArgument, NotFound

from conformance.conformance_world import PARENT, START, JobApi, has, shown

NO_JOB = "Job not found."
BAD_NAME = 'Job name must be formatted: "projects/<PROJECT_ID>/locations/<LOCATION_ID>/jobs/<JOB_ID>".'


def test_a_new_job_has_its_next_time_and_no_attempt(api: JobApi) -> None:
    # CS-021, CS-022, CS-071
    api.at("2026-10-01 00:00:00.123456")
    job = api.job("  0 9  * * *", description="the report")
    assert (job.name, job.schedule, job.time_zone) == (f"{PARENT}/jobs/j", "  0 9  * * *", "UTC")
    assert (job.description, job.state.name, job.status.code) == ("the report", "ENABLED", -1)
    assert shown(job.user_update_time) == "2026-10-01 00:00:00.123456"
    assert shown(job.schedule_time) == "2026-10-01 09:00:00"
    assert not has(job, "last_attempt_time")
    assert api.fetch() == job


def test_what_is_left_out_is_filled_in_as_google_does(api: JobApi) -> None:
    # CS-023, CS-024, CS-026, CS-028, CS-029
    job = api.job(time_zone=None)
    assert (job.time_zone, job.http_target.http_method.name) == ("UTC", "POST")
    assert dict(job.http_target.headers) == {"User-Agent": "Google-Cloud-Scheduler"}
    assert job.attempt_deadline == timedelta(seconds=180)
    assert not has(job, "retry_config")


@pytest.mark.parametrize("sent", [{"retry_count": 0}, {}, {"max_doublings": 5}])
def test_a_retry_config_in_part_is_shown_whole(api: JobApi, sent: dict[str, Any]) -> None:
    # CS-025, CS-141, CS-142
    job = api.job(retry_config={**sent, "min_backoff_duration": timedelta(0)})
    config = job.retry_config
    assert has(job, "retry_config")
    assert type(config).pb(config).HasField("max_retry_duration")
    assert (config.retry_count, config.max_retry_duration, config.max_doublings) == (0, timedelta(0), 5)
    assert (config.min_backoff_duration, config.max_backoff_duration) == (timedelta(seconds=5), timedelta(hours=1))


def test_an_attempt_deadline_is_shown_as_sent_and_that_of_pubsub_is_not_checked(api: JobApi) -> None:
    # CS-027, CS-164, CS-165, CS-188
    pubsub = {"topic_name": "projects/p/topics/t", "data": b"x"}
    for number, seconds in enumerate([15, 540, 1800]):
        job = api.job(job_id=f"h{number}", attempt_deadline=timedelta(seconds=seconds))
        assert job.attempt_deadline == timedelta(seconds=seconds)
    assert not has(api.job(job_id="p", pubsub_target=pubsub), "attempt_deadline")
    job = api.job(job_id="p10", pubsub_target=pubsub, attempt_deadline=timedelta(seconds=10))
    assert job.attempt_deadline == timedelta(seconds=10)
    for out_of_range in (0, 14.999, 1800.001, -20):
        refused = api.no_job(attempt_deadline=timedelta(seconds=out_of_range))
        assert refused == (InvalidArgument, "Job.attemptDeadline must be between [15s, 30m].")


def test_a_name_of_another_shape_is_refused(api: JobApi) -> None:
    # CS-011, CS-012
    api.job(job_id="x" * 500)
    api.job(job_id="a-_Z9")
    for name in (api.name("x" * 501), api.name("a.b"), api.name("ü"), f"{PARENT}/job/j", f"{PARENT}/jobs/", "j"):
        assert api.no_job(name=name) == (InvalidArgument, BAD_NAME)


def test_a_job_without_a_name_gets_one(api: JobApi) -> None:
    # CS-013
    names = {api.job(name=None).name for _ in range(3)}
    assert len(names) == 3
    assert all(name.startswith(f"{PARENT}/jobs/") for name in names)
    assert {job.name for job in api.call("list_jobs", parent=PARENT)} == names


def test_a_name_that_is_taken_is_refused_until_its_job_is_deleted(api: JobApi) -> None:
    # CS-014, CS-015, CS-036
    api.job()
    assert api.no_job() == (AlreadyExists, f"Job {api.name()} already exists.")
    api.call("pause_job", name=api.name())
    api.call("delete_job", name=api.name())
    assert api.refuses("get_job", name=api.name()) == (NotFound, NO_JOB)
    assert api.job().state.name == "ENABLED"


def test_what_is_too_large_is_refused(api: JobApi) -> None:
    # CS-016, CS-017
    api.job(job_id="longest", description="ü" * 500)
    api.job(job_id="largest", http_target={"uri": "http://w.test/", "body": b"x" * 1_048_000})
    kind, message = api.no_job(description="ü" * 501)
    assert (kind, message) == (InvalidArgument, "Job.description must be at most 500 characters long.")
    kind, message = api.no_job(http_target={"uri": "http://w.test/", "body": b"x" * 1_048_577})
    assert kind is InvalidArgument
    assert message.startswith("A job must be at most 1 MB")
    assert {job.name for job in api.call("list_jobs", parent=PARENT)} == {api.name("longest"), api.name("largest")}


def test_a_job_needs_a_target_and_has_one_alone(api: JobApi) -> None:
    # CS-018
    kind, message = api.no_job(http_target=None)
    assert (kind, message.partition(":")[0]) == (InvalidArgument, "Job.target is not set")
    job = api.job(pubsub_target={"topic_name": "projects/p/topics/t", "data": b"x"})
    assert not has(job, "http_target")


def test_what_only_the_service_sets_is_ignored(api: JobApi) -> None:
    # CS-019, CS-062
    sent: dict[str, Any] = {
        "state": "DISABLED",
        "status": {"code": 5},
        "user_update_time": START,
        "last_attempt_time": START,
    }
    job = api.job(**sent, schedule_time=START)
    assert (job.state.name, job.status.code, shown(job.schedule_time)) == ("ENABLED", -1, "2026-10-01 09:00:00")
    assert not has(job, "last_attempt_time")


def test_a_job_lies_in_the_location_of_the_request(api: JobApi) -> None:
    # CS-020
    kind, message = api.no_job(name="projects/p/locations/other/jobs/j")
    assert kind is InvalidArgument
    assert "must be the parent" in message


def test_a_job_that_does_not_exist_is_not_found(api: JobApi) -> None:
    # CS-030, CS-032, CS-038
    for method in ("get_job", "delete_job", "pause_job", "resume_job", "run_job"):
        assert api.refuses(method, name=api.name("none")) == (NotFound, NO_JOB)
    job = {"name": api.name("none"), "schedule": "0 9 * * *", "http_target": {"uri": "http://w.test/"}}
    assert api.refuses("update_job", job=job) == (NotFound, NO_JOB)
    assert api.refuses("update_job", job=job, update_mask={"paths": ["schedule"]}) == (NotFound, NO_JOB)


def test_a_job_whose_creation_was_refused_is_not_found(api: JobApi) -> None:
    # CS-031, CS-L13
    assert api.no_job("0 0 30 2 *")[0] is InvalidArgument
    assert api.refuses("get_job", name=api.name()) == (NotFound, NO_JOB)


def test_jobs_are_listed_by_location_and_page(api: JobApi) -> None:
    # CS-033, CS-034
    for number in range(5):
        api.job(job_id=f"j{number}")
    api.call("create_job", parent="projects/p/locations/l2", job={**_job(), "name": "projects/p/locations/l2/jobs/a"})
    first = api.call("list_jobs", parent=PARENT, page_size=3)
    pages = [[job.name for job in page.jobs] for page in first.pages]
    assert pages == [[api.name(f"j{number}") for number in numbers] for numbers in ((0, 1, 2), (3, 4))]
    assert [page.next_page_token for page in api.call("list_jobs", parent=PARENT, page_size=5).pages] == [""]
    assert [job.name for job in api.call("list_jobs", parent=PARENT)] == [job for page in pages for job in page]


def test_a_page_has_at_most_500_jobs(api: JobApi) -> None:
    # CS-033, CS-185, CS-L12: more are made than Google takes in a minute
    for number in range(501):
        api.job(job_id=f"j{number}")
    for size in ({}, {"page_size": 1000}):
        pages = [len(page.jobs) for page in api.call("list_jobs", parent=PARENT, **size).pages]
        assert pages == [500, 1]


def test_a_page_of_large_jobs_is_small_enough_for_every_client(api: JobApi) -> None:
    # CS-L14
    for number in range(6):
        api.job(job_id=f"j{number}", http_target={"uri": "http://w.test/", "body": b"x" * 1_000_000})
    pages = [len(page.jobs) for page in api.call("list_jobs", parent=PARENT).pages]
    assert sum(pages) == 6
    assert max(pages) < 4
    assert min(pages) > 0


@pytest.mark.parametrize("token", ["nonsense", "bm9uc2Vuc2U=", "ü", " "])
def test_a_page_token_that_is_none_is_refused(api: JobApi, token: str) -> None:
    # CS-035
    assert api.refuses("list_jobs", parent=PARENT, page_token=token) == (InvalidArgument, "Invalid page_token")


def test_a_page_token_of_another_location_is_refused(api: JobApi) -> None:
    # CS-035
    api.job(job_id="a")
    api.job(job_id="b")
    token = next(iter(api.call("list_jobs", parent=PARENT, page_size=1).pages)).next_page_token
    refused = api.refuses("list_jobs", parent="projects/p/locations/other", page_token=token)
    assert refused == (InvalidArgument, "Invalid page_token")


def test_a_negative_page_size_is_refused(api: JobApi) -> None:
    assert api.refuses("list_jobs", parent=PARENT, page_size=-1)[0] is InvalidArgument


def _job() -> dict[str, Any]:
    return {"schedule": "0 9 * * *", "http_target": {"uri": "http://w.test/"}}

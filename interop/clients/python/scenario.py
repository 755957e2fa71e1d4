"""The scenario by Google's clients in Python: `python scenario.py grpc|rest ADDRESS PROJECT RECEIVER`."""

import base64
import json
import sys
import urllib.request
from collections.abc import Callable
from typing import Any

import grpc
from google.api_core.exceptions import GoogleAPICallError
from google.auth.credentials import AnonymousCredentials
from google.cloud import scheduler_v1, tasks_v2
from google.cloud.scheduler_v1.services.cloud_scheduler.transports import (
    CloudSchedulerGrpcTransport,
    CloudSchedulerRestTransport,
)
from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcTransport, CloudTasksRestTransport
from google.iam.v1.iam_policy_pb2 import GetIamPolicyRequest, SetIamPolicyRequest, TestIamPermissionsRequest

BODY = '{"text": "grüße 🙂"}'
_TIMEOUT = 30


class Scenario:
    """Each method whose name begins with `check_` is a check."""

    def __init__(self, tasks: Any, jobs: Any, address: str, project: str, receiver: str) -> None:
        self.tasks = tasks
        self.jobs = jobs
        self.address = address
        self.project = f"projects/{project}"
        self.receiver = receiver

    def check_create_queue(self) -> None:
        queue = self.queue("created")
        expect(queue.name, f"{self.location('created')}/queues/q")
        expect(queue.state.name, "RUNNING")
        expect(queue.rate_limits.max_dispatches_per_second, 500)
        expect(queue.rate_limits.max_concurrent_dispatches, 1000)
        expect(queue.retry_config.max_attempts, 100)
        expect(queue.retry_config.min_backoff.total_seconds(), 0.1)

    def check_create_queue_twice(self) -> None:
        self.queue("twice")
        refused(409, "Queue already exists", lambda: self.queue("twice"))

    def check_get_queue(self) -> None:
        queue = self.queue("got")
        expect(self.tasks.get_queue(name=queue.name).name, queue.name)
        refused(404, "", lambda: self.tasks.get_queue(name=f"{queue.name}-not"))

    def check_list_queues(self) -> None:
        names = [self.queue("listed", id_).name for id_ in ("a", "b", "c")]
        pages = self.tasks.list_queues(request={"parent": self.location("listed"), "page_size": 2})
        expect([queue.name for queue in pages], names)

    def check_filter_queues(self) -> None:
        self.queue("filtered", "runs")
        paused = self.paused("filtered", "paused")
        found = self.tasks.list_queues(request={"parent": self.location("filtered"), "filter": "state: PAUSED"})
        expect([queue.name for queue in found], [paused])

    def check_update_queue(self) -> None:
        queue = self.queue("updated")
        changed = {"name": queue.name, "rate_limits": {"max_dispatches_per_second": 7.5}}
        mask = {"paths": ["rate_limits.max_dispatches_per_second"]}
        updated = self.tasks.update_queue(queue=changed, update_mask=mask)
        expect(updated.rate_limits.max_dispatches_per_second, 7.5)
        expect(updated.rate_limits.max_concurrent_dispatches, 1000)

    def check_pause_queue(self) -> None:
        queue = self.queue("pausing")
        expect(self.tasks.pause_queue(name=queue.name).state.name, "PAUSED")
        expect(self.tasks.resume_queue(name=queue.name).state.name, "RUNNING")

    def check_purge_queue(self) -> None:
        queue = self.paused("purged")
        self.task(queue)
        self.tasks.purge_queue(name=queue)
        expect([task.name for task in self.tasks.list_tasks(parent=queue)], [])

    def check_delete_queue(self) -> None:
        queue = self.queue("deleted")
        self.tasks.delete_queue(name=queue.name)
        refused(404, "", lambda: self.tasks.get_queue(name=queue.name))
        refused(400, "existed too recently", lambda: self.queue("deleted"))

    def check_create_task(self) -> None:
        queue = self.paused("tasks")
        task = self.task(queue)
        expect(task.name.startswith(f"{queue}/tasks/"), True)
        expect(task.http_request.body, b"")
        expect(task.schedule_time is not None, True)

    def check_task_views(self) -> None:
        task = self.task(self.paused("views"))
        expect(self.tasks.get_task(name=task.name).http_request.body, b"")
        full = self.tasks.get_task(request={"name": task.name, "response_view": tasks_v2.Task.View.FULL})
        expect(full.http_request.body.decode(), BODY)

    def check_list_tasks(self) -> None:
        queue = self.paused("list-tasks")
        names = {self.task(queue).name for _ in range(5)}
        pages = self.tasks.list_tasks(request={"parent": queue, "page_size": 2})
        expect({task.name for task in pages}, names)

    def check_create_task_twice(self) -> None:
        queue = self.paused("named")
        name = f"{queue}/tasks/t"
        self.task(queue, name=name)
        refused(409, "", lambda: self.task(queue, name=name))
        self.tasks.delete_task(name=name)
        refused(409, "", lambda: self.task(queue, name=name))

    def check_delete_task(self) -> None:
        task = self.task(self.paused("delete-task"))
        self.tasks.delete_task(name=task.name)
        refused(404, "", lambda: self.tasks.get_task(name=task.name))

    def check_deliver_task(self) -> None:
        task = self.task(self.queue("delivered").name, token="delivered")
        came = self.seen("delivered")
        expect(came["method"], "PUT")
        expect(came["body"], BODY)
        expect(came["headers"]["x-own"], "ours")
        expect(came["headers"]["x-cloudtasks-queuename"], "q")
        expect(came["headers"]["x-cloudtasks-taskname"], task.name.rpartition("/")[2])
        expect(came["headers"]["x-cloudtasks-taskretrycount"], "0")

    def check_run_task(self) -> None:
        task = self.task(self.paused("run"), token="run")
        self.tasks.run_task(name=task.name)
        expect(self.seen("run")["body"], BODY)

    def check_batch_create(self) -> None:
        queue = self.paused("batch")
        operation = self.batch(queue, "a", "b", "c")
        expect(operation.operation.done, True)
        expect(len(operation.result(timeout=_TIMEOUT).tasks), 3)
        expect(len(list(self.tasks.list_tasks(parent=queue))), 3)

    def check_batch_delete(self) -> None:
        queue = self.paused("batch-delete")
        self.batch(queue, "a", "b", "c")
        names = [f"{queue}/tasks/{id_}" for id_ in ("a", "b")]
        operation = self.tasks.batch_delete_tasks(request={"parent": queue, "names": names})
        expect(operation.operation.done, True)
        expect([task.name for task in self.tasks.list_tasks(parent=queue)], [f"{queue}/tasks/c"])

    def check_get_operation(self) -> None:
        name = self.batch(self.paused("operation"), "a").operation.name
        found = self.tasks.get_operation({"name": name})
        expect((found.name, found.done), (name, True))

    def check_error_details(self) -> None:
        parent = self.location("details")
        error = refused(400, "can contain only letters", lambda: self.tasks.get_queue(name=f"{parent}/queues/bad_id"))
        expect("Definition of queue ID" in str(error.details), True)

    def check_list_locations(self) -> None:
        self.queue("locations")
        found = self.tasks.list_locations({"name": self.project})
        expect("locations" in [location.location_id for location in found.locations], True)

    def check_get_location(self) -> None:
        found = self.tasks.get_location({"name": self.location("located")})
        expect((found.name, found.location_id), (self.location("located"), "located"))

    def check_iam_policy(self) -> None:
        queue = self.queue("policy").name
        policy = {"bindings": [{"role": "roles/cloudtasks.enqueuer", "members": ["user:a@b.example"]}]}
        self.tasks.set_iam_policy(SetIamPolicyRequest(resource=queue, policy=policy))
        found = self.tasks.get_iam_policy(GetIamPolicyRequest(resource=queue))
        expect([binding.role for binding in found.bindings], ["roles/cloudtasks.enqueuer"])
        expect(list(found.bindings[0].members), ["user:a@b.example"])

    def check_iam_permissions(self) -> None:
        queue = self.queue("permissions").name
        asked = ["cloudtasks.tasks.run", "cloudtasks.queues.get"]
        found = self.tasks.test_iam_permissions(TestIamPermissionsRequest(resource=queue, permissions=asked))
        expect(list(found.permissions), sorted(asked))

    def check_cmek_config(self) -> None:
        name = f"{self.location('cmek')}/cmekConfig"
        found = self.tasks.get_cmek_config(name=name)
        expect((found.name, found.kms_key), (name, ""))

    def check_create_job(self) -> None:
        job = self.job("job")
        expect(job.name, f"{self.location('job')}/jobs/j")
        expect(job.state.name, "ENABLED")
        expect(job.schedule_time is not None, True)

    def check_create_job_twice(self) -> None:
        self.job("job-twice")
        refused(409, "", lambda: self.job("job-twice"))

    def check_list_jobs(self) -> None:
        names = {self.job("jobs", id_).name for id_ in ("a", "b", "c")}
        pages = self.jobs.list_jobs(request={"parent": self.location("jobs"), "page_size": 2})
        expect({job.name for job in pages}, names)

    def check_update_job(self) -> None:
        job = self.job("update-job")
        changed = {"name": job.name, "schedule": "0 7 * * *"}
        updated = self.jobs.update_job(job=changed, update_mask={"paths": ["schedule"]})
        expect((updated.schedule, updated.http_target.uri), ("0 7 * * *", job.http_target.uri))

    def check_pause_job(self) -> None:
        job = self.job("pause-job")
        expect(self.jobs.pause_job(name=job.name).state.name, "PAUSED")
        expect(self.jobs.resume_job(name=job.name).state.name, "ENABLED")

    def check_run_job(self) -> None:
        job = self.job("run-job", token="job")
        self.jobs.run_job(name=job.name)
        came = self.seen("job")
        expect((came["method"], came["body"]), ("POST", BODY))
        expect(came["headers"]["x-cloudscheduler"], "true")

    def check_publish_job(self) -> None:
        topic = f"{self.project}/topics/t"
        target = {"topic_name": topic, "data": BODY.encode(), "attributes": {"a": "b"}}
        job = {"name": f"{self.location('publish')}/jobs/j", "schedule": "0 9 * * *", "pubsub_target": target}
        self.jobs.create_job(parent=self.location("publish"), job=job)
        self.jobs.run_job(name=job["name"])
        message = self.published(topic)
        expect(base64.b64decode(message["data"]).decode(), BODY)
        expect(message["attributes"], {"a": "b"})

    def check_delete_job(self) -> None:
        job = self.job("delete-job")
        self.jobs.delete_job(name=job.name)
        refused(404, "", lambda: self.jobs.get_job(name=job.name))

    def check_refuse_job(self) -> None:
        refused(400, "", lambda: self.job("refused", schedule="often"))

    def location(self, id_: str) -> str:
        """Each check has one of its own."""
        return f"{self.project}/locations/{id_}"

    def queue(self, location: str, id_: str = "q") -> Any:
        parent = self.location(location)
        return self.tasks.create_queue(parent=parent, queue={"name": f"{parent}/queues/{id_}"})

    def paused(self, location: str, id_: str = "q") -> str:
        """The name of a queue from which nothing is sent."""
        return str(self.tasks.pause_queue(name=self.queue(location, id_).name).name)

    def task(self, queue: str, token: str = "none", **more: Any) -> Any:
        return self.tasks.create_task(parent=queue, task=self.message(token) | more)

    def batch(self, queue: str, *ids: str) -> Any:
        requests = [{"parent": queue, "task": self.message() | {"name": f"{queue}/tasks/{id_}"}} for id_ in ids]
        return self.tasks.batch_create_tasks(request={"parent": queue, "requests": requests})

    def message(self, token: str = "none") -> dict[str, Any]:
        """A task's."""
        headers = {"Content-Type": "application/json", "X-Own": "ours"}
        url = f"{self.receiver}/task/{self.token(token)}"
        return {"http_request": {"url": url, "http_method": "PUT", "headers": headers, "body": BODY.encode()}}

    def job(self, location: str, id_: str = "j", token: str = "none", schedule: str = "0 9 * * *") -> Any:
        parent = self.location(location)
        target = {"uri": f"{self.receiver}/task/{self.token(token)}", "http_method": "POST", "body": BODY.encode()}
        job = {
            "name": f"{parent}/jobs/{id_}",
            "schedule": schedule,
            "time_zone": "Europe/Berlin",
            "http_target": target,
        }
        return self.jobs.create_job(parent=parent, job=job)

    def token(self, text: str) -> str:
        return f"{self.project.partition('/')[2]}-{text}"

    def seen(self, token: str) -> Any:
        """The first request that came with this token."""
        with urllib.request.urlopen(f"{self.receiver}/seen/{self.token(token)}", timeout=_TIMEOUT) as response:
            return json.load(response)[0]

    def published(self, topic: str) -> Any:
        """The first message of the topic, once it is there."""
        for _ in range(1000):
            with urllib.request.urlopen(f"http://{self.address}/published", timeout=_TIMEOUT) as response:
                for one in json.load(response):
                    if one["topic"] == topic:
                        return one["message"]
        raise AssertionError(f"nothing was published to {topic}")


def expect(found: object, expected: object) -> None:
    """Fail unless they are the same."""
    if found != expected:
        raise AssertionError(f"expected {expected!r}, not {found!r}")


def refused(status: int, text: str, call: Callable[[], object]) -> Any:
    """The error of a call, which has this HTTP status and this text in its message."""
    try:
        answer = call()
    except GoogleAPICallError as error:
        expect(error.code, status)
        if text not in str(error):
            raise AssertionError(f"expected {text!r} in {error}") from error
        return error
    raise AssertionError(f"expected {status}, not {answer!r}")


def clients(transport: str, address: str) -> tuple[Any, Any]:
    """Google's clients of both APIs."""
    if transport == "grpc":
        channel = grpc.insecure_channel(address)
        return (
            tasks_v2.CloudTasksClient(transport=CloudTasksGrpcTransport(channel=channel)),
            scheduler_v1.CloudSchedulerClient(transport=CloudSchedulerGrpcTransport(channel=channel)),
        )
    options: dict[str, Any] = {"host": address, "url_scheme": "http", "credentials": AnonymousCredentials()}
    return (
        tasks_v2.CloudTasksClient(transport=CloudTasksRestTransport(**options)),
        scheduler_v1.CloudSchedulerClient(transport=CloudSchedulerRestTransport(**options)),
    )


def main() -> None:
    """Do each check, and say what became of it."""
    transport, address, project, receiver = sys.argv[1:]
    scenario = Scenario(*clients(transport, address), address, project, receiver)
    for name in dir(scenario):
        if name.startswith("check_"):
            said = {"check": name.removeprefix("check_").replace("_", "-"), "problem": ""}
            try:
                getattr(scenario, name)()
            except Exception as error:
                said["problem"] = f"{type(error).__name__}: {error}"
            print(json.dumps(said), flush=True)


if __name__ == "__main__":
    main()

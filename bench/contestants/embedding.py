"""Ours inside an application, as the contestants have it."""

from google.cloud.tasks_v2 import Queue, RateLimits

from bench.contestants.noops import PARENT, QUEUES
from fastapi_gcp_tasks import LocalService

URL = "http://app.local"


def service(folder: str) -> LocalService:
    """The service, durable, with what the folder holds."""
    return LocalService(f"sqlite:///{folder}/tasks.db", app_url=URL, quotas="none")


def create_queues(local: LocalService) -> None:
    """Queues that hold nothing back."""
    limits = RateLimits(max_dispatches_per_second=1_000_000, max_concurrent_dispatches=1_000)
    client = local.tasks_client()
    for name in QUEUES:
        client.create_queue(parent=PARENT, queue=Queue(name=name, rate_limits=limits))

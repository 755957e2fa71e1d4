"""What runs on a schedule. The worker serves it, and sees to it that the jobs are there."""

import logging
from typing import Annotated

from fastapi import Depends
from google.cloud.scheduler_v1 import OidcToken, RetryConfig

from fastapi_gcp_tasks import AsyncScheduledRouter, injected
from fastapi_gcp_tasks.dependencies import CloudSchedulerHeaders, verify_oidc
from fastapi_gcp_tasks.hooks import oidc_scheduled_hook
from fastapi_gcp_tasks.utils import location_path
from shop.settings import INVOKER, PROJECT, REGION, WORKER_URL

log = logging.getLogger("uvicorn")

reports = AsyncScheduledRouter(
    base_url=WORKER_URL,
    location_path=location_path(project=PROJECT, location=REGION),
    pre_create_hook=oidc_scheduled_hook(OidcToken(service_account_email=INVOKER, audience=WORKER_URL)),
    verify=verify_oidc(audience=WORKER_URL, service_accounts=[INVOKER]),
)


@reports.post("/reports/{kind}")
async def report(kind: str, headers: Annotated[CloudSchedulerHeaders, Depends()] = injected) -> None:
    log.info("The %s report was written for job %s", kind, headers.job_name)


daily = report.scheduler(name="daily-report", schedule="0 7 * * mon-fri", time_zone="Europe/Paris")
monthly = report.scheduler(name="monthly-report", schedule="1 of month 06:00", retry_config=RetryConfig(retry_count=2))


async def put_jobs() -> None:
    """Create the jobs, and update those that are not as they are here."""
    await daily.schedule(kind="daily")
    await monthly.schedule(kind="monthly")

"""The private service: it runs the tasks that the queue brings, and what is due."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from shop.schedules import put_jobs, reports
from shop.tasks import mails, payments


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
    await put_jobs()
    yield


app = FastAPI(lifespan=lifespan)
app.include_router(payments)
app.include_router(mails)
app.include_router(reports)

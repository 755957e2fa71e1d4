"""What a task carries besides JSON arrives in process and over a port as it was given."""

import io
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Annotated, Any

import pytest
from fastapi import FastAPI, File, Form, Query, UploadFile
from pydantic import BaseModel
from starlette.datastructures import Headers

from fastapi_gcp_tasks import LocalService, as_delayed_task
from server.server_apps import URL, Done, serving, task_router
from targets import targets_workers


@asynccontextmanager
async def in_process(app: FastAPI) -> AsyncGenerator[str]:
    async with serving(app):
        yield URL


@asynccontextmanager
async def on_a_port(app: FastAPI) -> AsyncGenerator[str]:
    async with targets_workers.serving(app) as url:
        yield url


class Filters(BaseModel):
    page: int = 1
    tags: list[str] = []


@pytest.mark.parametrize("served", [in_process, on_a_port])
async def test_forms_files_paths_and_models_arrive(
    served: Callable[[FastAPI], AbstractAsyncContextManager[str]],
) -> None:
    local, app, done = LocalService("memory:", app_url=URL), FastAPI(), Done()
    tasks = task_router(local)

    @as_delayed_task
    @tasks.post("/files/{folder:path}/of/{number:int}")
    async def keep(
        folder: str,
        number: int,
        upload: UploadFile,
        content: Annotated[bytes, File()],
        title: Annotated[str, Form()],
        filters: Annotated[Filters, Query()],
    ) -> None:
        received: dict[str, Any] = {"folder": folder, "number": number, "content": content, "title": title}
        upload_as_sent = (upload.filename, upload.content_type, upload.file.read())
        done.append({**received, "filters": filters, "upload": upload_as_sent})

    @as_delayed_task
    @tasks.post("/titles")
    async def name(titles: Annotated[list[str], Form()]) -> None:
        done.append(titles)

    app.include_router(tasks)
    local.install(app)
    every_byte = bytes(range(256)) * 40
    sent: dict[str, Any] = {"number": 5, "content": b"\r\n--", "title": "ä & b"}
    sent |= {"filters": Filters(page=2, tags=["x/y", "é"])}
    folders = ["a", "a b/c%2F/é", "a/of/b", "%2e%2e/x;y=1/@:", "...", "a?b#c", "~user/+"]
    async with served(app) as url:
        for folder in folders:
            upload = UploadFile(io.BytesIO(every_byte), filename="é.bin", headers=Headers({"content-type": "x/y"}))
            keep.options(base_url=url).delay(folder=folder, upload=upload, **sent)
            await done.until(lambda: bool(done))
            assert done.pop() == {**sent, "folder": folder, "upload": ("é.bin", "x/y", every_byte)}
        name.options(base_url=url).delay(titles=["", "a+b", "ü&"])
        await done.until(lambda: bool(done))
    assert done == [["", "a+b", "ü&"]]

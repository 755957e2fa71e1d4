"""The work: a task that takes a while, says how far it has come, and can be cancelled."""

import asyncio
import gzip
import hashlib
import os
from pathlib import Path
from typing import Annotated

from fastapi import Depends
from pydantic import BaseModel

from fastapi_gcp_tasks import AsyncDelayedRouter, AsyncProgress, LocalService, injected

URL = "http://video.local"
FOLDER = Path(os.environ.get("VIDEO_FOLDER", "videos"))
PARTS = 100
PAUSE = float(os.environ.get("VIDEO_PAUSE", "0.05"))
"""Seconds for each part: there is no encoder here, only something that takes as long."""

FOLDER.mkdir(exist_ok=True)
local = LocalService(f"sqlite:///{FOLDER}/tasks.db", app_url=URL)
results = local.results()
tasks = AsyncDelayedRouter(
    client=local.async_tasks_client,
    callback_base_url=URL,
    queue_path="projects/video/locations/here/queues/encoding",
    results=results,
    verify=False,  # all is in one process
)


class Video(BaseModel):
    """A video, encoded."""

    id: str
    read: int
    """Bytes."""
    written: int
    sha256: str


@tasks.post("/encode/{video_id}")
async def encode(video_id: str, progress: Annotated[AsyncProgress, Depends()] = injected) -> Video:
    """Encode a video that was uploaded; what is half done is removed if it is cancelled."""
    upload, encoded = FOLDER / f"{video_id}.upload", FOLDER / f"{video_id}.gz"
    read = upload.stat().st_size
    digest = hashlib.sha256()
    try:
        with upload.open("rb") as source, gzip.open(encoded, "wb") as target:
            for part in range(PARTS):
                data = source.read(-(-read // PARTS))
                digest.update(data)
                target.write(data)
                await asyncio.sleep(PAUSE)
                await progress(part + 1, of=PARTS, note=f"{source.tell()} of {read} bytes")
    except BaseException:
        encoded.unlink()
        raise
    return Video(id=video_id, read=read, written=encoded.stat().st_size, sha256=digest.hexdigest())

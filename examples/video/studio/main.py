"""Upload a video, see how far it is, cancel it: `uvicorn studio.main:app`."""

import secrets
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.responses import FileResponse

from fastapi_gcp_tasks import results_router
from studio.tasks import FOLDER, encode, local, results, tasks

PAGE = Path(__file__).with_name("page.html")

app = FastAPI()
app.include_router(tasks)
# Here everybody may see and cancel everything. In an app with users: dependencies=[Depends(signed_in)], visible=….
app.include_router(results_router(results, public=True, include_result=True), prefix="/tasks")


@app.get("/")
def page() -> FileResponse:
    """The page."""
    return FileResponse(PAGE)


@app.post("/videos", status_code=202)
async def upload(request: Request) -> dict[str, str]:
    """Keep the body as a video and have it encoded; the id of the task."""
    video_id = secrets.token_hex(8)
    with (FOLDER / f"{video_id}.upload").open("wb") as file:
        async for data in request.stream():
            file.write(data)
    handle = await encode.submit(video_id=video_id)
    return {"task": handle.id}


local.install(app)

"""The app that tests of the kit use: a shop that cooks, mails, and cleans at night."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException
from pydantic import BaseModel

from cloudtask import CloudTaskClient
from cloudtask.fastapi import CloudTaskRouter
from fastapi_gcp_tasks import (
    AsyncDelayedRouter,
    CloudTasksHeaders,
    DelayedRouter,
    LocalService,
    ScheduledRouter,
    injected,
)

LOCATION = "projects/p/locations/l"
BASE = "https://worker.example/kitchen"


class Order(BaseModel):
    dish: str
    hot: bool = False


class Shop:
    """The app, its tasks, and what they did."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.broken = 0
        """How many attempts fail from now on."""
        self.app = FastAPI()
        # Clients of others, which no test may reach.
        local = LocalService("memory:", app_url="http://elsewhere.example")
        router = DelayedRouter(
            queue_path=f"{LOCATION}/queues/kitchen", base_url=BASE, client=local.tasks_client(), prefix="/tasks"
        )

        @router.post("/chili/{branch}")
        def make_chili(branch: str, order: Order, headers: Annotated[CloudTasksHeaders, Depends()] = injected) -> None:
            if self.broken:
                self.broken -= 1
                raise RuntimeError("the stove is out")
            self.done.append(f"{order.dish} in {branch}, retry {headers.retry_count}")

        @router.post("/serve")
        def serve(table: int = 1) -> None:
            self.done.append(f"table {table}")
            if table > 1:
                serve.delay(table=table - 1)

        @router.post("/refuse")
        def refuse() -> None:
            raise HTTPException(409, "no")

        async_router = AsyncDelayedRouter(queue_path=f"{LOCATION}/queues/mail", base_url=BASE)

        @async_router.post("/letter")
        async def send_letter(to: str, text: str = "hello") -> None:
            self.done.append(f"letter to {to}: {text}")

        jobs = ScheduledRouter(location_path=LOCATION, base_url=BASE)

        @jobs.post("/clean")
        def clean(room: str = "kitchen") -> None:
            self.done.append(f"clean {room}")

        self.client = CloudTaskClient(project="p", location="l", url=f"{BASE}/functions/run", secret="s")

        @self.client.task(name="shop.greet")
        async def greet(name: str, at: datetime | None = None) -> str:
            if name == "nobody":
                raise ValueError("nobody is there")
            self.done.append(f"hello {name}")
            return name

        self.app.include_router(router, prefix="/kitchen")
        self.app.include_router(async_router, prefix="/kitchen")
        self.app.include_router(jobs, prefix="/kitchen")
        self.app.include_router(CloudTaskRouter(self.client), prefix="/kitchen/functions")
        self.make_chili, self.serve, self.refuse = make_chili, serve, refuse
        self.send_letter, self.clean, self.greet = send_letter, clean, greet


NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)

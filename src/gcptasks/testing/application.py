"""The app under test: where its lifespan runs, and how requests get into it."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from importlib import import_module
from typing import Any, cast

from cloudtask.client import CloudTaskClient
from fastapi_gcp_tasks.served_routes import app_inside
from gcptasks.base.asgi import Delivery
from gcptasks.runtime.targets.asgi import AsgiApp, AsgiTarget, Receive, Scope, Send


def loaded(app: object) -> Any:
    """The app, which may be given as `module:app`; `ValueError` if it is not there."""
    if not isinstance(app, str):
        return app
    module, _, name = app.partition(":")
    if not module or not name:
        raise ValueError(f"{app!r} is no application: give module:app")
    try:
        return getattr(import_module(module), name)
    except AttributeError:
        raise ValueError(f"{module} has no {name!r}") from None


class Application:
    """An app, or a `CloudTaskClient` that some other framework serves."""

    def __init__(self, app: Any) -> None:
        if not (callable(app) or isinstance(app, CloudTaskClient)):
            raise TypeError(f"app must be an application, 'module:app' or a CloudTaskClient, not {app!r}")
        self.app = app
        self._asgi: AsgiApp = _serving(app) if isinstance(app, CloudTaskClient) else cast("Any", app)
        self._router = getattr(app_inside(app), "router", None)
        self._lifespan: Any = None
        self._state: Mapping[str, Any] | None = None
        self.loop: asyncio.AbstractEventLoop | None = None
        """The one on which the app was started, as long as it is."""

    def begin(self) -> None:
        """See, until `end`, when the app starts: attempts run on the same event loop, with the state that it made."""
        if self._router is None:
            return
        inner = self._lifespan = self._router.lifespan_context

        @asynccontextmanager
        async def seen(app: Any) -> AsyncGenerator[Mapping[str, Any] | None]:
            async with inner(app) as state:
                self._state, self.loop = state, asyncio.get_running_loop()
                try:
                    yield state
                finally:
                    self._state = self.loop = None

        self._router.lifespan_context = seen

    def end(self) -> None:
        """Let it start as before."""
        if self._router is not None:
            self._router.lifespan_context = self._lifespan

    def target(self, delivery: Delivery, raised: list[BaseException]) -> AsgiTarget:
        """What carries attempts into it; `raised` gets what comes out of it."""

        async def watched(scope: Scope, receive: Receive, send: Send) -> None:
            try:
                await self._asgi(scope, receive, send)
            except BaseException as error:
                raised.append(error)
                raise

        return AsgiTarget(watched, self._state, delivery)


def _serving(client: CloudTaskClient) -> AsgiApp:
    """An app that does nothing but run the client's tasks, as another framework would."""

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        body = (await receive())["body"]
        answer = await client.execute(body, scope["headers"], verified=True)
        headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers.items()]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})

    return serve

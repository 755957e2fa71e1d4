"""The application's own process: uvicorn, on sockets that the command `dev` has opened and keeps.

What is found in the application goes out to the parent as JSON, on a connection. When that closes, the parent has
ended, however that happened, and this process ends too.
"""

import contextlib
import importlib
import json
import os
import signal
import socket
import sys
import threading
import time
import traceback
from types import FrameType, ModuleType, TracebackType
from typing import NoReturn

import uvicorn
from starlette.applications import Starlette

from gcptasks.cli.inspection import app_made, inspect, named_app, named_factory, only_app, only_factory

_GRACE = 5
"""Seconds for requests under way when the application stops or reloads; some, such as streams, never end."""


class AppConfig(uvicorn.Config):
    """Imports the application when uvicorn does, inside of its event loop, and tells the parent what is in it."""

    def __init__(self, line: socket.socket, module: str, name: str, *, factory: bool) -> None:
        # Rich, which writes the parent's lines, looks at the same variable.
        colours = False if os.environ.get("NO_COLOR") else None
        super().__init__("", use_colors=colours, timeout_graceful_shutdown=_GRACE)
        self._line = line
        self._module = module
        self._name = name
        self._factory = factory

    def load(self) -> None:
        try:
            module = _import_app(self._module)
            app = self._app_in(module)
        except ValueError as error:
            self._tell({"error": str(error)})
            sys.exit(2)
        self.app = app
        super().load()
        self._tell(inspect(module, app).as_json())

    def _app_in(self, module: ModuleType) -> Starlette:
        if not self._factory:
            return named_app(module, self._name or only_app(module))
        name = self._name or only_factory(module)
        factory = named_factory(module, name)
        try:
            made = factory()
        except Exception as error:
            _end_by(error)
        return app_made(name, made)

    def _tell(self, what: object) -> None:
        self._line.sendall(json.dumps(what).encode() + b"\n")


class Server(uvicorn.Server):
    """Leaves Ctrl-C to the parent: that lets tasks finish first, then ends this process by SIGTERM.

    A second SIGTERM ends the requests that are still waited for, so that the lifespans can end.
    """

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if sig == signal.SIGINT:
            return
        if not self.config.loaded:
            # The application is being imported, which uvicorn would wait for; nothing has begun that must be ended.
            signal.signal(sig, signal.SIG_DFL)
            signal.raise_signal(sig)
        if self.should_exit:
            for task in self.server_state.tasks:
                task.get_loop().call_soon_threadsafe(task.cancel)
        super().handle_exit(sig, frame)


def _import_app(name: str) -> ModuleType:
    """The module; `ValueError` if there is none of that name. What its own code raises is shown, and ends us."""
    try:
        return importlib.import_module(name)
    except Exception as error:
        theirs = _from_their_code(error.__traceback__)
        missing = error.name if isinstance(error, ModuleNotFoundError) else None
        if theirs is None and missing is not None and f"{name}.".startswith(f"{missing}."):
            raise ValueError(f"there is no module {missing}") from None
        _end_by(error)


def _end_by(error: Exception) -> NoReturn:
    """End the process by an error of their code, shown without what stands between us and that."""
    traceback.print_exception(error.with_traceback(_from_their_code(error.__traceback__)))
    sys.exit(1)


def _from_their_code(trace: TracebackType | None) -> TracebackType | None:
    """The traceback without what stands between us and the application's module."""
    while trace is not None and trace.tb_frame.f_code.co_filename.startswith(
        (__file__, "<frozen importlib", _IMPORTLIB)
    ):
        trace = trace.tb_next
    return trace


_IMPORTLIB = str(importlib.__file__)


def _end_with_parent(line: socket.socket) -> None:
    # A parent that was killed before it read what we told is a connection that was reset.
    with contextlib.suppress(OSError):
        line.recv(1)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(2 * _GRACE)
    os._exit(1)


def main(line: str, sockets: str, folder: str, module: str, name: str = "", factory: str = "") -> None:
    """Serve the application on `sockets` until SIGTERM, or until the parent at the other end of `line` has ended.

    Both are file descriptors, the second several with commas between. `factory`, if it is not empty: `name` is that of
    a function that makes the application.
    """
    connection = socket.socket(fileno=int(line))
    connection.set_inheritable(False)
    threading.Thread(target=_end_with_parent, args=(connection,), daemon=True).start()
    sys.path.insert(0, folder)
    server = Server(AppConfig(connection, module, name, factory=bool(factory)))
    server.run([socket.socket(fileno=int(number)) for number in sockets.split(",")])
    if not server.started:
        sys.exit(3)  # what uvicorn itself says of a failed start

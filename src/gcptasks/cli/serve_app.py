"""The application's own process: uvicorn, on sockets that the command `dev` has opened and keeps.

What is found in the application goes out to the parent as JSON, on a connection, and later that it has started. When
that connection closes, the parent has ended, however that happened, and this process ends too.
"""

import contextlib
import json
import os
import signal
import socket
import sys
import threading
import time
from types import FrameType

import uvicorn

from gcptasks.base.errors import SetupError, Unreachable
from gcptasks.cli.inspection import inspect
from gcptasks.cli.loading import load_app
from gcptasks.runtime.targets.address import is_loopback, parse_url

_GRACE = 5
"""Seconds for requests under way when the application stops or reloads; some, such as streams, never end."""


class AppConfig(uvicorn.Config):
    """Imports the application when uvicorn does, inside of its event loop, and tells the parent what is in it."""

    def __init__(self, line: socket.socket, ports: set[int], module: str, name: str, *, factory: bool) -> None:
        # Rich, which writes the parent's lines, looks at the same variable.
        colours = False if os.environ.get("NO_COLOR") else None
        super().__init__("", use_colors=colours, timeout_graceful_shutdown=_GRACE)
        self._line = line
        self._ports = ports
        self._module = module
        self._name = name
        self._factory = factory

    def load(self) -> None:
        try:
            module, app = load_app(self._module, self._name or None, factory=self._factory)
        except ValueError as error:
            self._tell({"error": str(error)})
            sys.exit(2)
        except SetupError:
            sys.exit(1)
        self.app = app
        super().load()
        found = inspect(module, app, self._leads_here)
        self._tell(found.as_json())
        if found.faults:
            sys.exit(2)

    def _leads_here(self, url: str) -> bool:
        """Whether a URL is one of this application's, as far as that can be told: other machines have other names."""
        try:
            origin = parse_url(url).origin
        except Unreachable:
            return False
        return is_loopback(origin.host) and origin.port in self._ports

    def tell_started(self) -> None:
        """Tell the parent that the application has started."""
        self._tell({"started": True})

    def _tell(self, what: object) -> None:
        self._line.sendall(json.dumps(what).encode() + b"\n")


class Server(uvicorn.Server):
    """Leaves Ctrl-C to the parent: that lets tasks finish first, then ends this process by SIGTERM.

    A second SIGTERM ends the requests that are still waited for, so that the lifespans can end.
    """

    def __init__(self, config: AppConfig) -> None:
        super().__init__(config)
        self._tell_started = config.tell_started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._tell_started()

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


def _end_with_parent(line: socket.socket, config: uvicorn.Config) -> None:
    # A parent that was killed before it read what we told is a connection that was reset.
    with contextlib.suppress(OSError):
        line.recv(1)
    # The port is wanted for the next start, and nobody waits for what is under way.
    config.timeout_graceful_shutdown = 0
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
    sys.path.insert(0, folder)
    listening = [socket.socket(fileno=int(number)) for number in sockets.split(",")]
    ports = {int(sock.getsockname()[1]) for sock in listening}
    config = AppConfig(connection, ports, module, name, factory=bool(factory))
    threading.Thread(target=_end_with_parent, args=(connection, config), daemon=True).start()
    server = Server(config)
    server.run(listening)
    if not server.started:
        sys.exit(3)  # what uvicorn itself says of a failed start

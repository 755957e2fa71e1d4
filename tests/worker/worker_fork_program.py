"""Forks while a thread is fetching an issuer's keys; the child fetches them as well."""

import os
import signal
import socket
import threading

from gcptasks.worker.issuer_keys import IssuerKeys


def main() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(30)
        keys = IssuerKeys(f"http://127.0.0.1:{server.getsockname()[1]}", None)
        thread = threading.Thread(target=keys.fetch, args=("first",))
        thread.start()
        asked, _ = server.accept()
        child = os.fork()
        if child == 0:
            signal.alarm(20)  # for a child that waits for a thread which it does not have
            server.close()
            asked.close()
            keys.fetch("first")
            os._exit(0)
        asked.close()
        thread.join()
        # The child's own question, to which nobody answers.
        again, _ = server.accept()
        again.close()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0, "the child could not ask"


if __name__ == "__main__":
    main()

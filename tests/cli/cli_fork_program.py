"""A program that enqueues by gRPC, forks a dozen times, and whose children enqueue as well."""

import os
import signal

from cli.cli_programs import QUEUE
from fastapi_gcp_tasks import DelayedRouter


def main() -> None:
    router = DelayedRouter(queue_path=QUEUE, base_url="http://app.local")

    @router.post("/hello")
    def hello() -> None: ...

    hello.delay()
    for _ in range(12):
        pid = os.fork()
        if pid == 0:
            signal.alarm(20)  # for a child that waits for a thread which it does not have
            hello.delay()
            os._exit(0)
        hello.delay()
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0, "the child could not enqueue"


if __name__ == "__main__":
    main()

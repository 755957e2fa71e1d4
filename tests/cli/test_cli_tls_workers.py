"""Workers behind TLS, as the emulator's user has them: certificates are those of the system, or of `SSL_CERT_FILE`."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from google.cloud.tasks_v2 import HttpRequest, Queue, RetryConfig, Task

from cli.cli_programs import EMULATOR, QUEUE, Start, Worker, client
from targets.targets_certificates import Authority


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def tls_worker(authority: Authority, request: pytest.FixtureRequest) -> Iterator[Worker]:
    worker = Worker(authority.server("127.0.0.1", lasts=request.param))
    yield worker
    worker.close()


def create_task(where: str, url: str) -> None:
    service = client(where)
    retries = RetryConfig(max_attempts=2)
    service.create_queue(parent=QUEUE.partition("/queues/")[0], queue=Queue(name=QUEUE, retry_config=retries))
    service.create_task(parent=QUEUE, task=Task(http_request=HttpRequest(url=url)))


@pytest.mark.parametrize("tls_worker", [timedelta(days=1)], indirect=True)
def test_an_authority_of_the_users_own_is_trusted(start: Start, authority: Authority, tls_worker: Worker) -> None:
    program = start(EMULATOR, "--port", "0", SSL_CERT_FILE=str(authority.file))
    create_task(program.wait(r"serve at (\S+),")[1], f"{tls_worker.url}/x")
    tls_worker.wait("/x")
    program.wait("attempt 1 done with 200")


@pytest.mark.parametrize(
    ("tls_worker", "trusted", "why"),
    [
        (timedelta(days=1), False, "unable to get local issuer certificate"),
        (-timedelta(days=1), True, "certificate has expired"),
    ],
    indirect=["tls_worker"],
)
def test_a_certificate_that_is_not_accepted_fails_an_attempt_and_the_log_says_why(
    start: Start, authority: Authority, tls_worker: Worker, trusted: bool, why: str
) -> None:
    program = start(EMULATOR, "--port", "0", **({"SSL_CERT_FILE": str(authority.file)} if trusted else {}))
    create_task(program.wait(r"serve at (\S+),")[1], f"{tls_worker.url}/x")
    reason = f"no TLS with {tls_worker.url}: certificate verify failed: {why}"
    program.wait(f"attempt 1 failed: {reason}; next attempt")
    program.wait(f"attempt 2 failed: {reason}; given up")
    assert tls_worker.asked == []

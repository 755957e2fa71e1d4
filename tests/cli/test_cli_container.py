"""The container of the emulator: its steps one by one, and the image where docker runs."""

import json
import re
import shutil
import signal
import subprocess
import sys
import time
import uuid
import venv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from google.cloud.tasks_v2 import Queue

from cli.cli_container import DOCKERFILE, EXAMPLE, ROOT, entrypoint, health_command, install, texts
from cli.cli_programs import PATIENCE, QUEUE, Start, client, free_port, get

COMPOSE = ROOT / "docker" / "compose.yaml"
PAGE = ROOT / "docs" / "container.md"
QUICKLY = 9.0
"""Seconds that a stop may take at most where nothing is under way: docker kills after ten."""


def healthy(port: str, python: str = sys.executable) -> bool:
    command = [python if word == "python" else word for word in health_command(port)]
    return subprocess.run(command, capture_output=True, timeout=PATIENCE).returncode == 0


def check_service(start: Start, tmp_path: Path, *more: str, python: str = sys.executable) -> None:
    """What the container runs, with `more` behind it, is healthy once it serves, stops soon, and keeps what it has."""
    port = str(free_port())
    program, *words = entrypoint(tmp_path / "data")
    (tmp_path / "data").mkdir()
    command = [str(Path(python).with_name(program)), *words, *more, "--port", port]
    assert not healthy(port, python)
    for first in (True, False):
        service = start(command)
        service.wait("serve at")
        assert healthy(port, python)
        queues = client(f"localhost:{port}")
        if first:
            queues.create_queue(parent=QUEUE.rpartition("/queues/")[0], queue=Queue(name=QUEUE))
        assert queues.get_queue(name=QUEUE).name == QUEUE
        service.process.send_signal(signal.SIGTERM)
        assert service.process.wait(QUICKLY) == 0


def test_what_the_container_runs_is_healthy_stops_and_keeps_its_tasks(start: Start, tmp_path: Path) -> None:
    """With the options of the compose file."""
    (command,) = re.findall(r"^ +command: (.*)$", COMPOSE.read_text(), re.MULTILINE)
    check_service(start, tmp_path, *json.loads(command))


def test_the_compose_file_has_that_image_with_its_volume() -> None:
    yaml: Any = pytest.importorskip("yaml", reason="it comes with what makes the documentation")
    compose = yaml.safe_load(COMPOSE.read_text())
    service = compose["services"]["tasks"]
    assert (COMPOSE.parent / service["build"]["context"] / service["build"]["dockerfile"]).resolve() == DOCKERFILE
    volumes = dict(volume.split(":") for volume in service["volumes"])
    assert (list(volumes.values()), list(volumes)) == (texts("VOLUME"), list(compose["volumes"]))


def test_the_snippets_of_the_page_are_yaml() -> None:
    yaml: Any = pytest.importorskip("yaml", reason="it comes with what makes the documentation")
    snippets = re.findall(r"^```yaml\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert [type(yaml.safe_load(snippet)) for snippet in snippets] == [dict] * 4


def test_an_answer_that_is_no_health_is_none() -> None:
    with subprocess.Popen(
        [sys.executable, "-u", "-m", "http.server", "0", "--bind", "127.0.0.1"],
        cwd=ROOT / "docker",
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as other:
        try:
            assert other.stdout is not None
            found = re.search(r"port (\d+)", other.stdout.readline())
            assert found is not None
            assert not healthy(found[1])  # which answers with 404
        finally:
            other.kill()


def test_the_container_has_no_rights() -> None:
    assert texts("USER") == ["10001"]


@pytest.mark.parametrize("dockerfile", [DOCKERFILE, EXAMPLE], ids=["emulator", "example"])
def test_what_an_image_copies_is_there_and_not_ignored(dockerfile: Path) -> None:
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    sources = [source for text in texts("COPY", dockerfile) for source in text.split()[:-1]]
    assert [source for source in sources if f"!{source}" not in ignored or not (ROOT / source).exists()] == []


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_steps_of_the_dockerfile_work_in_a_clean_environment(start: Start, tmp_path: Path) -> None:
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / "bin" / "python"
    install(tmp_path / "image", python)
    # What is installed is a copy: the source is not needed any more.
    shutil.rmtree(tmp_path / "image")
    check_service(start, tmp_path, python=str(python))


@pytest.fixture
def docker() -> str:
    program = shutil.which("docker")
    if program is None or subprocess.run([program, "info"], capture_output=True, timeout=PATIENCE).returncode:
        pytest.skip("docker does not run here, so no image is built")
    return program


@pytest.fixture
def container(docker: str) -> Iterator[str]:
    """A container that serves, with a volume; its name, which is that of its image and its volume too."""
    name = f"cloud-tasks-emulator-test-{uuid.uuid4().hex[:8]}"

    def run(*words: str) -> None:
        subprocess.run([docker, *words], cwd=ROOT, check=True, capture_output=True)

    try:
        run("build", "-f", str(DOCKERFILE), "-t", name, ".")
        run("run", "-d", "--name", name, "-p", "127.0.0.1::8123", "-v", f"{name}:/data", name, "--queue", QUEUE)
        yield name
    finally:
        for words in (["rm", "-f", name], ["volume", "rm", "-f", name], ["image", "rm", "-f", name]):
            subprocess.run([docker, *words], capture_output=True)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_image_becomes_healthy_keeps_its_volume_and_stops_soon(docker: str, container: str) -> None:
    def inspected() -> Any:
        shown = subprocess.run([docker, "inspect", container], check=True, capture_output=True, text=True)
        return json.loads(shown.stdout)[0]

    def serve() -> str:
        until = time.monotonic() + 2 * PATIENCE
        while (state := inspected()["State"])["Health"]["Status"] != "healthy":
            assert state["Running"], state
            assert time.monotonic() < until, state
            time.sleep(0.2)  # docker looks every five seconds, and tells nobody
        return f"127.0.0.1:{inspected()['NetworkSettings']['Ports']['8123/tcp'][0]['HostPort']}"

    for _ in range(2):
        where = serve()
        assert json.loads(get(f"http://{where}/health"))["delivers"] is True
        assert client(where).get_queue(name=QUEUE).name == QUEUE
        began = time.monotonic()
        subprocess.run([docker, "stop", container], check=True, capture_output=True)
        assert time.monotonic() - began < 2 * QUICKLY
        assert inspected()["State"]["ExitCode"] == 0
        subprocess.run([docker, "start", container], check=True, capture_output=True)


@pytest.mark.slow
def test_the_compose_file_is_one(docker: str) -> None:
    if subprocess.run([docker, "compose", "version"], capture_output=True).returncode:
        pytest.skip("docker has no compose here")
    command = [docker, "compose", "-f", str(COMPOSE), "config", "--quiet"]
    subprocess.run(command, check=True, capture_output=True)

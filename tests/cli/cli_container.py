"""A Dockerfile as its steps, which can be taken without docker."""

import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCKERFILE = ROOT / "docker" / "Dockerfile"
EXAMPLE = ROOT / "examples" / "full" / "Dockerfile"
PORT = "8123"


@dataclass(frozen=True)
class Step:
    """An instruction, and what follows it on its line."""

    word: str
    text: str


def steps(dockerfile: Path = DOCKERFILE) -> list[Step]:
    """All instructions of the Dockerfile, in their order."""
    text = re.sub(r"^ *#.*\n", "", dockerfile.read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    return [Step(*line.split(maxsplit=1)) for line in text.splitlines() if line.strip()]


def texts(word: str, dockerfile: Path = DOCKERFILE) -> list[str]:
    """What follows each instruction of that word."""
    return [step.text for step in steps(dockerfile) if step.word == word]


def entrypoint(data: Path) -> list[str]:
    """What the container runs, with its volume there."""
    (text,) = texts("ENTRYPOINT")
    return [word.replace("/data", str(data)) for word in json.loads(text)]


def health_command(port: str) -> list[str]:
    """What docker runs to know whether the service is up, with that port for the container's."""
    (text,) = texts("HEALTHCHECK")
    return [word.replace(PORT, port) for word in json.loads(text.partition("CMD")[2])]


def install(root: Path, python: Path) -> None:
    """Take the steps that install, below `root`, into the environment of that interpreter."""
    for step in steps():
        if step.word == "COPY":
            *sources, target = step.text.split()
            for source in sources:
                _copy(ROOT / source, root / target.lstrip("/"), into=target.endswith("/"))
        elif step.word == "RUN" and step.text.startswith("pip "):
            script = step.text.replace("/library", f"{root}/library")
            environment = {"PATH": f"{python.parent}:/usr/bin:/bin", "HOME": str(root)}
            subprocess.run(["sh", "-ec", script], cwd=root, env=environment, check=True, capture_output=True)


def _copy(source: Path, target: Path, *, into: bool) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        target = target / source.name if into else target
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)

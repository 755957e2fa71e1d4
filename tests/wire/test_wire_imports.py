"""Each API's wire loads the package of that API alone."""

import subprocess
import sys
from pathlib import Path

import pytest

import gcptasks.wire

ROOM = Path(gcptasks.wire.__path__[0])
SHARED = sorted(f"gcptasks.wire.{file.stem}" for file in ROOM.glob("*.py") if file.stem != "__init__")
APIS = sorted(folder.name for folder in ROOM.iterdir() if (folder / "__init__.py").exists())
PACKAGES = {"cloud_tasks": "google.cloud.tasks", "cloud_scheduler": "google.cloud.scheduler"}
"""The Google package of each folder."""


def google_packages_after(*modules: str) -> set[str]:
    """The APIs' packages that a fresh Python has loaded after importing these modules.

    `google.cloud.location` is none: all of Google's clients load it, whichever API they are for.
    """
    code = f"import sys, {', '.join(modules)}; print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    names = (name.split(".") for name in ran.stdout.split() if name.startswith("google.cloud."))
    return {".".join(parts[:3]).partition("_v")[0] for parts in names} - {"google.cloud.location"}


def test_what_the_apis_share_loads_no_api() -> None:
    assert google_packages_after(*SHARED) == set()


@pytest.mark.parametrize("api", APIS)
def test_an_api_loads_its_own_package_alone(api: str) -> None:
    modules = [f"gcptasks.wire.{api}.{file.stem}" for file in (ROOM / api).glob("*.py")]
    assert google_packages_after(*modules) == {PACKAGES[api]}

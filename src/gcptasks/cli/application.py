"""Which application a command was given, as a file or as `module:app`."""

from dataclasses import dataclass, replace
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Application:
    """Where the application is: a module under a folder, and its name there if one was given."""

    folder: Path
    module: str
    name: str | None
    factory: bool = False
    """Whether that is a function that makes the application."""


def application(text: str, *, factory: bool = False) -> Application:
    """The application of `main.py`, `main.py:app`, `package/main.py` or `package.main:app`; `ValueError` if none."""
    place, _, name = text.partition(":")
    path = Path(place)
    if name and not name.isidentifier():
        raise ValueError(f"{name!r} in {text!r} is no name of an application: give module:app")
    if path.suffix == ".py":
        return replace(_of_file(path, name or None), factory=factory)
    if not all(part.isidentifier() for part in place.split(".")):
        raise ValueError(f"{text!r} is no application: give a file such as main.py, or module:app")
    return Application(Path.cwd(), place, name or None, factory)


def _of_file(path: Path, name: str | None) -> Application:
    path = path.resolve()
    if not path.is_file():
        raise ValueError(f"there is no file {path}")
    if not path.stem.isidentifier():
        raise ValueError(f"{path.name} cannot be imported: its name is no Python name")
    parts = [path.stem]
    folder = path.parent
    while (folder / "__init__.py").exists():
        parts.insert(0, folder.name)
        folder = folder.parent
    return Application(folder, ".".join(parts), name)

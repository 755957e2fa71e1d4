"""What the plugin of pytest adds to a start that has no use for it, once pytest itself is imported."""

import json
import sys
from importlib import import_module
from time import perf_counter

import pytest


def main() -> None:
    modules, began = set(sys.modules), perf_counter()
    plugin = import_module("gcptasks.testing.pytest_plugin")
    pytest.PytestPluginManager().register(plugin)
    ended = perf_counter()
    print(json.dumps({"time": (ended - began) * 1e3, "modules": len(set(sys.modules) - modules)}))


if __name__ == "__main__":
    main()

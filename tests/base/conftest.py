"""These tests are about an install without extras (`make test-base`); elsewhere they have nothing to say."""

from importlib.util import find_spec

collect_ignore_glob = ["test_*.py"] if find_spec("h2") else []

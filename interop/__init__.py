"""The local service on its port against programs that are not ours: h2spec, Google's clients, and fuzz.

Run by `scripts/wire`, `scripts/clients` and `scripts/fuzz`.
"""

"""Measures ours and its peers side by side. Run by `scripts/bench`; never a test."""

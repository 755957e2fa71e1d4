"""Tasks as decorated functions. Nothing is here yet: the package keeps its place."""

# What is used of PyYAML: a file as nodes, each of which knows its line.

class Mark:
    line: int

class Node:
    start_mark: Mark

class ScalarNode(Node):
    value: str

class SequenceNode(Node):
    value: list[Node]

class MappingNode(Node):
    value: list[tuple[Node, Node]]

class YAMLError(Exception): ...

class MarkedYAMLError(YAMLError):
    context: str | None
    problem: str | None
    problem_mark: Mark | None

class SafeLoader: ...

def compose(stream: str, Loader: type[SafeLoader]) -> Node | None: ...

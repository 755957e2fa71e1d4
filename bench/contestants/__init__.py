"""Programs that measure one side each. They run in that side's environment and print figures as one JSON object.

`delay`, `imports`, … are the same text for ours and for the peer: the packages share an import name and these builders.
"""

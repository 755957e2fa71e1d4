"""The words of schedules, in lower case, and what is raised for a text that is none."""

_HALF_A_YEAR = ("january", "february", "march", "april", "may", "june")
_MONTHS = (*_HALF_A_YEAR, "july", "august", "september", "october", "november", "december")
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

SHORT_MONTHS = {name[:3]: number for number, name in enumerate(_MONTHS, start=1)}
MONTHS = SHORT_MONTHS | {name: number for number, name in enumerate(_MONTHS, start=1)}

SHORT_WEEKDAYS = {name[:3]: number for number, name in enumerate(_WEEKDAYS)}
"""Monday is 0, as in `datetime`."""
WEEKDAYS = SHORT_WEEKDAYS | {name: number for number, name in enumerate(_WEEKDAYS)}


class Unreadable(Exception):
    """The text is no schedule of this form."""

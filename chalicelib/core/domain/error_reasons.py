"""The sentences about errors of input."""

from pydantic_core import ErrorDetails


def to_reason(error: ErrorDetails) -> str:
    """Return the sentence about one error, which never repeats the input."""
    match error["type"], error["input"]:
        case "extra_forbidden", _:
            return "is not a known member"
        case "missing", _:
            return "is required"
        case "too_short", str():
            return f"String should have at least {_characters(error['ctx']['min_length'])}"
        case "too_long", str():
            return f"String should have at most {_characters(error['ctx']['max_length'])}"
    return error["msg"]


def _characters(count: int) -> str:
    # Of a text with a rule of its own, pydantic says that a value should have items.
    return f"{count} character" if count == 1 else f"{count} characters"

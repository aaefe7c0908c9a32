"""The sentences about errors of input."""

from pydantic_core import ErrorDetails


def error_member(error: ErrorDetails) -> list[str]:
    """Return the rest of the path to what the error is about, such as the member that names the kind of a union."""
    context = error.get("ctx", {})
    if error["type"] in ("union_tag_invalid", "union_tag_not_found"):
        return [context["discriminator"].strip("'")]
    return [context["at"]] if "at" in context else []


def to_reason(error: ErrorDetails) -> str:
    """Return the sentence about one error, which never repeats the input."""
    match error["type"], error["input"]:
        case "extra_forbidden", _:
            return "is not a known member"
        case "missing" | "union_tag_not_found", _:
            return "is required"
        case "union_tag_invalid", _:
            *first, last = error["ctx"]["expected_tags"].split(", ")
            return f"Input should be {', '.join(first)} or {last}"
        case "too_short", str():
            return f"String should have at least {_characters(error['ctx']['min_length'])}"
        case "too_long", str():
            return f"String should have at most {_characters(error['ctx']['max_length'])}"
        case "too_short" | "too_long", _:
            return error["msg"].partition(" after validation")[0]
    return error["msg"]


def _characters(count: int) -> str:
    # Of a text with a rule of its own, pydantic says that a value should have items.
    return f"{count} character" if count == 1 else f"{count} characters"

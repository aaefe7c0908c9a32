"""How the command ends, for scripts."""

from enum import IntEnum


class ExitCode(IntEnum):
    """The exit codes of `fluxden`. They don't change within a version of the API."""

    DONE = 0
    UNEXPECTED = 1
    USAGE = 2
    REFUSED = 3
    NOT_PERMITTED = 4
    UNREACHABLE = 5
    PARTLY = 6
    OTHER_DECISION = 10
    EXPIRED = 11
    TIMED_OUT = 12


# The table of the page, which a test compares.
MEANINGS = {
    ExitCode.DONE: "Done; with `wait --for approved`, it is approved.",
    ExitCode.UNEXPECTED: "The command was interrupted, or something unexpected went wrong in it.",
    ExitCode.USAGE: "An option, FLUXDEN_URL or FLUXDEN_TOKEN is missing or wrong. Nothing was sent.",
    ExitCode.REFUSED: "The desk refused the request: it is invalid, unknown, or in conflict.",
    ExitCode.NOT_PERMITTED: "The token is unknown or revoked, or does not permit this.",
    ExitCode.UNREACHABLE: "The desk can't be reached, is busy, or the token's budget is used up. Try again later.",
    ExitCode.PARTLY: "Published, but not to every recipient; the output says to whom not, and why.",
    ExitCode.OTHER_DECISION: "The decision is another one than `--for` names.",
    ExitCode.EXPIRED: "Nobody decided until the proposal expired.",
    ExitCode.TIMED_OUT: "Nobody decided within `--timeout`. The task still waits.",
}

"""Reading a reply from a connection as RFC 9110 and RFC 9112 have it, where in doubt as its sender meant it.

A reply that says that a request was accepted must not be lost to a detail of its form: its sender would act again at
each retry. So lines may end in LF alone, fields may be malformed, and only these end the reading early: the end of the
connection, the caller's deadline, and `LARGEST_HEAD`. There is one reply to a connection, so nothing that is ambiguous
about its end can reach another one.
"""

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

# Of the final reply and all before it, without bodies.
LARGEST_HEAD = 256 * 1024
_STATUS_LINE = re.compile(rb"HTTP/\d(?:\.\d)?[ \t]+(\d{3})(?:[ \t].*)?", re.IGNORECASE | re.DOTALL)
_BEGINNING = b"HTTP/"
_FIELD_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CHUNK_SIZE = re.compile(rb"[ \t]*([0-9A-Fa-f]{1,15})[ \t]*(?:;.*)?", re.DOTALL)
_LONGEST_CHUNK_LINE = 16 * 1024
_STATUSES = range(100, 600)
_SWITCHING_PROTOCOLS = 101
_FIRST_FINAL = 200
_WITHOUT_BODY = frozenset((204, 304))
_PIECE = 16 * 1024

ENDED_EARLY = "the reply ended early"
_MALFORMED = "the reply's body is malformed"


class UnreadableReply(Exception):
    """There is no final reply, for the reason that the message gives."""


class Source(Protocol):
    """What is read: `io.BufferedReader`, for one. Empty bytes are the end of the connection."""

    def readline(self, size: int, /) -> bytes: ...
    def read1(self, size: int, /) -> bytes: ...


@dataclass(frozen=True)
class ReplyHead:
    """A final status, and the fields by their names in lower case, each with its values in order."""

    status: int
    fields: dict[str, list[str]] = field(default_factory=dict)

    def first(self, name: str) -> str | None:
        """Return the first value of a field."""
        return next(iter(self.fields.get(name, ())), None)

    def listed(self, name: str) -> list[str]:
        """Return the members of a field that is a list, in lower case and without parameters."""
        members = ",".join(self.fields.get(name, ())).split(",")
        return [found for each in members if (found := each.partition(";")[0].strip().lower())]


@dataclass(frozen=True)
class ReplyBody:
    """The bytes of a body without its transfer and content codings, and why there are no more of them, if early."""

    content: bytes
    problem: str | None = None


def read_head(source: Source) -> ReplyHead:
    """Read the final reply's status and fields, past all interim ones (1xx).

    101 is final: nobody asked to switch protocols. A connection that is closed after the status line ends the fields.

    Raises:
        UnreadableReply: what comes is no reply, none comes, or it has more than 256 KB of fields.
    """
    lines = _Lines(source)
    while True:
        status = _read_status(lines)
        fields = _read_fields(lines)
        if status >= _FIRST_FINAL or status == _SWITCHING_PROTOCOLS:
            return ReplyHead(status, fields)


def read_body(source: Source, head: ReplyHead, limit: int) -> ReplyBody:
    """Read a body up to `limit` bytes; one byte more says that it is longer."""
    if head.status in _WITHOUT_BODY:
        return ReplyBody(b"")
    content, problem = bytearray(), None
    transfer = [each for each in head.listed("transfer-encoding") if each != "identity"]
    try:
        for piece in _pieces(source, head, transfer):
            content += piece
            if len(content) > limit:
                break
    except _CutShort as cut:
        problem = str(cut)
    except TimeoutError:
        problem = "the reply was not complete in time"
    codings = head.listed("content-encoding") + [each for each in transfer if each != "chunked"]
    body = ReplyBody(bytes(content[: limit + 1]), problem)
    for coding in reversed([each for each in codings if each != "identity"]):
        body = _decompressed(body, coding, limit)
    return body


class _CutShort(Exception):
    """A body does not end as its reply says."""


class _Lines:
    """The lines of replies' heads, without their ends and within the limit."""

    def __init__(self, source: Source) -> None:
        self._source, self._left = source, LARGEST_HEAD
        self.begun = False

    def read(self) -> tuple[bytes, bool]:
        """Return the next line, and whether it has an end; without one the connection has ended.

        Raises:
            UnreadableReply: the limit is exceeded.
        """
        line = self._source.readline(self._left + 1)
        self._left -= len(line)
        if self._left < 0:
            raise UnreadableReply(f"the reply's header is longer than {LARGEST_HEAD // 1024} KB")
        self.begun = self.begun or bool(line)
        return line.removesuffix(b"\n").removesuffix(b"\r"), line.endswith(b"\n")


def _read_status(lines: _Lines) -> int:
    line, has_end = b"", True
    while not line and has_end:
        line, has_end = lines.read()
    if has_end:
        if not (found := _STATUS_LINE.fullmatch(line)):
            raise UnreadableReply("the reply was not HTTP")
        if (status := int(found[1])) not in _STATUSES:
            raise UnreadableReply(f"the reply has the unknown status {found[1].decode()}")
        return status
    if not lines.begun:
        raise UnreadableReply("the connection was closed without a reply")
    if line[: len(_BEGINNING)].upper() != _BEGINNING[: len(line)]:
        raise UnreadableReply("the reply was not HTTP")
    raise UnreadableReply("the connection was closed before the final reply")


def _read_fields(lines: _Lines) -> dict[str, list[str]]:
    """Read the lines of fields; those that are none are left out, and folded ones are joined."""
    fields: dict[str, list[str]] = {}
    values: list[str] | None = None
    while True:
        line, has_end = lines.read()
        if not line.strip() and not line.startswith((b" ", b"\t")):
            return fields
        text = line.replace(b"\r", b" ").decode("latin-1").strip(" \t")
        if line.startswith((b" ", b"\t")):
            if values and text:
                values[-1] = f"{values[-1]} {text}".strip()
        else:
            name, colon, _ = line.partition(b":")
            values = None
            if colon and _FIELD_NAME.fullmatch(name.rstrip(b" \t")):
                values = fields.setdefault(name.decode().strip().lower(), [])
                values.append(text.partition(":")[2].strip(" \t"))
        if not has_end:
            return fields


def _pieces(source: Source, head: ReplyHead, transfer: list[str]) -> Iterator[bytes]:
    if transfer[-1:] == ["chunked"]:
        return _chunks(source)
    lengths = set(head.listed("content-length"))
    length = lengths.pop() if len(lengths) == 1 and not transfer else ""
    if length.isascii() and length.isdigit():
        return _counted(source, int(length[:18]))
    # Also with lengths that contradict each other: the connection's end is the reply's.
    return iter(lambda: source.read1(_PIECE), b"")


def _counted(source: Source, length: int) -> Iterator[bytes]:
    while length:
        piece = source.read1(min(length, _PIECE))
        if not piece:
            raise _CutShort(ENDED_EARLY)
        length -= len(piece)
        yield piece


def _chunks(source: Source) -> Iterator[bytes]:
    """Yield what the chunks hold. Their extensions are ignored, and the trailers are not read."""
    while True:
        line = source.readline(_LONGEST_CHUNK_LINE)
        if not line.endswith(b"\n"):
            raise _CutShort(_MALFORMED if len(line) == _LONGEST_CHUNK_LINE else ENDED_EARLY)
        if not (found := _CHUNK_SIZE.fullmatch(line.rstrip(b"\r\n"))):
            raise _CutShort(_MALFORMED)
        if not (size := int(found[1], 16)):
            return
        yield from _counted(source, size)
        if source.readline(_LONGEST_CHUNK_LINE).rstrip(b"\r\n"):
            raise _CutShort(_MALFORMED)


def _decompressed(body: ReplyBody, coding: str, limit: int) -> ReplyBody:
    if not body.content:
        return body
    if coding not in ("gzip", "x-gzip", "deflate"):
        return ReplyBody(b"", f"the reply's body is encoded as {coding[:20]}")
    # 32 reads the header of either format; deflate is also sent without one.
    for bits in (32 + zlib.MAX_WBITS, -zlib.MAX_WBITS):
        content, left, is_whole = bytearray(), body.content, False
        try:
            while left and len(content) <= limit:
                reading = zlib.decompressobj(bits)
                content += reading.decompress(left, limit + 1 - len(content))
                left, is_whole = reading.unused_data, reading.eof
                if not reading.eof:
                    break
        except zlib.error:
            if not content:
                continue
        problem = body.problem or (None if is_whole or len(content) > limit else ENDED_EARLY)
        return ReplyBody(bytes(content), problem)
    return ReplyBody(b"", body.problem or _MALFORMED)

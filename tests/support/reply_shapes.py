"""Forms that replies have in the world, and what a sender has to make of each."""

import gzip
import zlib
from dataclasses import dataclass

OK = b"HTTP/1.1 200 OK\r\n"
BAD = b"HTTP/1.1 500 Internal Server Error\r\n"
END = b"Content-Length: 0\r\n\r\n"
HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n"
FAMILY = "👨‍👩‍👧‍👦"


@dataclass(frozen=True)
class Shape:
    """A reply, and the error that an attempt has after it: None for a success."""

    name: str
    pieces: tuple[bytes, ...]
    error: str | None = None
    closes: str = "in order"


def _accepted(name: str, *pieces: bytes, closes: str = "in order") -> Shape:
    return Shape(name, pieces, None, closes)


def _refused(name: str, content_type: str, body: bytes, shown: str, *more: bytes) -> Shape:
    """An error whose body is shown."""
    head = BAD + b"".join(more) + f"Content-Type: {content_type}\r\n".encode()
    error = f"answered 500: {shown}" if shown else "answered 500"
    return Shape(name, (head + f"Content-Length: {len(body)}\r\n\r\n".encode() + body,), error)


def _sent(name: str, head: bytes, body: bytes, shown: str, closes: str = "in order") -> Shape:
    """An error in a special framing."""
    return Shape(name, (BAD + head + b"\r\n", body), f"answered 500: {shown}" if shown else "answered 500", closes)


def _chunk(data: bytes, more: bytes = b"") -> bytes:
    return f"{len(data):x}".encode() + more + b"\r\n" + data + b"\r\n"


_TOO_LONG = "the reply's header is longer than 256 KB"
_NO_HTTP = "the reply was not HTTP"
_CLOSED = "the connection was closed without a reply"
_UNFINISHED = "the connection was closed before the final reply"

ACCEPTED = [
    _accepted("plain", OK + END),
    _accepted("created, with a body", b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}"),
    _accepted("no content", b"HTTP/1.1 204 No Content\r\n\r\n"),
    _accepted("a 2xx of its own", b"HTTP/1.1 299 Fine\r\n" + END),
    _accepted("HTTP/1.0", b"HTTP/1.0 200 OK\r\n\r\n"),
    _accepted("HTTP/2 in words", b"HTTP/2 200\r\n\r\n"),
    _accepted("lower case", b"http/1.1 200 ok\r\n\r\n"),
    _accepted("no reason phrase", b"HTTP/1.1 200 \r\n" + END),
    _accepted("no reason phrase and no blank", b"HTTP/1.1 200\r\n" + END),
    _accepted("reason phrase in UTF-8", "HTTP/1.1 200 好的\r\n".encode() + END),
    _accepted("reason phrase in Latin-1", "HTTP/1.1 200 Réussi\r\n".encode("latin-1") + END),
    _accepted("reason phrase of 70 KB", b"HTTP/1.1 200 " + b"x" * 70_000 + b"\r\n" + END),
    _accepted("two blanks before the status", b"HTTP/1.1  200 OK\r\n" + END),
    _accepted("empty lines first", b"\r\n\r\n" + OK + END),
    _accepted("100 first", b"HTTP/1.1 100 Continue\r\n\r\n" + OK + END),
    _accepted("102 first", b"HTTP/1.1 102 Processing\r\n\r\n" + OK + END),
    _accepted("103 first", HINTS + OK + END),
    _accepted("104 first", b"HTTP/1.1 104 Upload Resumption Supported\r\n\r\n" + OK + END),
    _accepted("an interim status of its own", b"HTTP/1.1 199 Wait\r\n\r\n" + OK + END),
    _accepted("forty interim replies", HINTS * 40 + OK + END),
    _accepted("a thousand interim replies", b"HTTP/1.1 102 P\r\n\r\n" * 1000 + OK + END),
    _accepted("interim reply in a piece of its own", HINTS, OK, END),
    _accepted("each byte alone", *[bytes([each]) for each in HINTS + OK + END]),
    _accepted("200 fields", OK + b"x: y\r\n" * 200 + END),
    _accepted("5,000 fields", OK + b"x-some-field: y\r\n" * 5000 + END),
    _accepted("a field of 200 KB", OK + b"Set-Cookie: " + b"a" * 200_000 + b"\r\n" + END),
    _accepted("bare LF", b"HTTP/1.1 200 OK\nContent-Length: 0\n\n"),
    _accepted("bare LF in the interim reply only", b"HTTP/1.1 100\n\n" + OK + END),
    _accepted("folded field", OK + b"X-Note: one\r\n two\r\n\tthree\r\n" + END),
    _accepted("folded before any field", OK + b" stray\r\n" + END),
    _accepted("blank line that is folded", OK + b"X-Note: one\r\n \r\n" + END),
    _accepted("field without a colon", OK + b"nonsense\r\n" + END),
    _accepted("field without a name", OK + b": nonsense\r\n" + END),
    _accepted("blank before the colon", OK + b"Content-Length : 0\r\n\r\n"),
    _accepted("NUL in a field", OK + b"X-Note: a\0b\r\n" + END),
    _accepted("bare CR in a field", OK + b"X-Note: a\rb\r\n" + END),
    _accepted("field in UTF-8", OK + "X-Note: 好的 🎉\r\n".encode() + END),
    _accepted("field name in UTF-8", OK + "X-名: x\r\n".encode() + END),
    _accepted("duplicate fields", OK + b"Content-Type: text/html\r\nContent-Type: text/plain\r\n" + END),
    _accepted("lengths that contradict each other", OK + b"Content-Length: 5\r\nContent-Length: 7\r\n\r\nhello"),
    _accepted("length that is no number", OK + b"Content-Length: abc\r\n\r\nhello"),
    _accepted("negative length", OK + b"Content-Length: -1\r\n\r\n"),
    _accepted("length of 40 digits", OK + b"Content-Length: " + b"9" * 40 + b"\r\n\r\n"),
    _accepted("length that promises too much", OK + b"Content-Length: 999\r\n\r\nshort"),
    _accepted("length that promises too little", OK + b"Content-Length: 2\r\n\r\nfar too long"),
    _accepted("chunked", OK + b"Transfer-Encoding: chunked\r\n\r\n" + _chunk(b"hello") + b"0\r\n\r\n"),
    _accepted("chunked that never ends", OK + b"Transfer-Encoding: chunked\r\n\r\n" + _chunk(b"hello")),
    _accepted("chunked that is none", OK + b"Transfer-Encoding: chunked\r\n\r\nhello"),
    _accepted("success in gzip that is none", OK + b"Content-Encoding: gzip\r\n\r\nhello"),
    _accepted("closed between the fields", OK + b"X-Note: a\r\n"),
    _accepted("closed within a field", OK + b"X-No"),
    _accepted("closed after the status line", OK),
    _accepted("reset after the body", OK + b"Content-Length: 2\r\n\r\n{}", closes="reset"),
    _accepted("connection left open", OK + b"\r\n", closes="open"),
    _accepted("another reply behind it", OK + END + BAD + END),
]
UNREADABLE = [
    Shape("nothing", (), _CLOSED),
    Shape("reset without a byte", (), _CLOSED, "reset"),
    Shape("blank lines only", (b"\r\n\r\n",), _UNFINISHED),
    Shape("interim reply only", (HINTS,), _UNFINISHED),
    Shape("half a status line", (b"HTTP/1.1 20",), _UNFINISHED),
    Shape("status line without an end", (b"HTTP/1.1 200 OK",), _UNFINISHED),
    Shape("nonsense", (b"nonsense\r\n\r\n",), _NO_HTTP),
    Shape("nonsense without an end", (b"nonsense",), _NO_HTTP),
    Shape("HTML without a head", (b"<html>200 OK</html>\r\n",), _NO_HTTP),
    Shape("another protocol", (b"SSH-2.0-OpenSSH_9.6\r\n",), _NO_HTTP),
    Shape("a TLS alert", (b"\x15\x03\x01\x00\x02\x02\x0a",), _NO_HTTP),
    Shape("frames of HTTP/2", (b"\x00\x00\x12\x04\x00\x00\x00\x00\x00\n",), _NO_HTTP),
    Shape("status of letters", (b"HTTP/1.1 abc\r\n\r\n",), _NO_HTTP),
    Shape("status of five digits", (b"HTTP/1.1 20000 x\r\n\r\n",), _NO_HTTP),
    Shape("status of two digits", (b"HTTP/1.1 20 x\r\n\r\n",), _NO_HTTP),
    Shape("unknown status 999", (b"HTTP/1.1 999 x\r\n\r\n",), "the reply has the unknown status 999"),
    Shape("unknown status 000", (b"HTTP/1.1 000 x\r\n\r\n",), "the reply has the unknown status 000"),
    Shape("fields without end", (OK, b"x: y\r\n" * 60_000), _TOO_LONG),
    Shape("field without end", (OK, b"x: " + b"y" * 300_000), _TOO_LONG),
    Shape("reason phrase without end", (b"HTTP/1.1 200 " + b"y" * 300_000,), _TOO_LONG),
    Shape("interim replies without end", (HINTS * 5000,), _TOO_LONG),
]
_JSON, _PLAIN, _HTML = "application/json", "text/plain", "text/html"
_LONG_FAMILIES = "x" * 195 + FAMILY * 3
REFUSED = [
    Shape("error without a body", (BAD + END,), "answered 500"),
    Shape("redirect", (b"HTTP/1.1 302 Found\r\nLocation: /x\r\n\r\n",), "answered 302; redirects are not followed"),
    Shape("not modified", (b"HTTP/1.1 304 X\r\n\r\n",), "answered 304; redirects are not followed"),
    Shape("unasked upgrade", (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n\0\0",), "answered 101"),
    Shape("interim reply, then an error", (HINTS + BAD + b"\r\nno",), "answered 500: no"),
    _refused("UTF-8", f"{_PLAIN}; charset=utf-8", "拒绝 🎉".encode(), "拒绝 🎉"),
    _refused("UTF-8 undeclared", _PLAIN, "拒绝".encode(), "拒绝"),
    _refused("UTF-8 with a mark", _PLAIN, b"\xef\xbb\xbf" + "拒绝".encode(), "拒绝"),
    _refused("UTF-8 that was cut within a letter", f"{_PLAIN}; charset=utf-8", "拒绝了请求".encode()[:-1], "拒绝了请"),
    _refused("UTF-8 declared as Latin-1", f"{_HTML}; charset=ISO-8859-1", "拒绝".encode(), "拒绝"),
    _refused("GBK", f"{_PLAIN}; charset=gbk", "请求被拒绝".encode("gbk"), "请求被拒绝"),
    _refused("GB 2312 with letters of GBK", f'{_PLAIN}; charset="gb2312"', "镕".encode("gbk"), "镕"),
    _refused("Big5", f"{_PLAIN};CHARSET=Big5", "拒絕".encode("big5"), "拒絕"),
    _refused("Shift JIS", f"{_PLAIN}; charset=Shift_JIS", "エラー①".encode("cp932"), "エラー①"),
    _refused("EUC-KR", f"{_PLAIN}; charset=euc-kr", "오류".encode("euc-kr"), "오류"),
    _refused("ISO 2022", f"{_PLAIN}; charset=iso-2022-jp", "エラー".encode("iso-2022-jp"), "エラー"),
    _refused("KOI8", f"{_PLAIN}; charset=koi8-r", "Ошибка".encode("koi8-r"), "Ошибка"),
    _refused("Windows 1252", f"{_PLAIN}; charset=iso-8859-1", "“Größe”".encode("cp1252"), "“Größe”"),
    _refused("Latin-1 undeclared", _PLAIN, "Größe ungültig".encode("latin-1"), "Größe ungültig"),
    _refused("Latin-1 declared as UTF-8", f"{_PLAIN}; charset=utf-8", "Größe zählt".encode("latin-1"), "Größe zählt"),
    _refused("UTF-16 with a mark", _PLAIN, "отказ".encode("utf-16"), "отказ"),
    _refused("UTF-16 declared", f"{_PLAIN}; charset=utf-16", "отказ".encode("utf-16-le"), "отказ"),
    _refused("charset in the document", _HTML, '<meta charset="gbk">拒'.encode("gbk"), '<meta charset="gbk">拒'),
    _refused("unknown charset", f"{_PLAIN}; charset=x-klingon", "拒绝".encode(), "拒绝"),
    _refused("charset that is no text's", f"{_PLAIN}; charset=punycode", b"no-4ga", "no-4ga"),
    _refused("charset that nobody can tell", _PLAIN, "请求被拒绝".encode("gbk"), ""),
    _refused("binary data", "image/png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\1\0" + bytes(range(64)) * 4, ""),
    _refused("controls and blanks", _PLAIN, b"<b>\x00\x1b[31mno\n\tway</b>" + b" " * 9, "<b>[31mno way</b>"),
    _refused("reordering controls", _PLAIN, "a\u202eb\u2066c".encode(), "abc"),
    _refused("escaped JSON", _JSON, b'{"error": "\\u62d2\\u7edd \\ud83c\\udf89"}', '{"error": "拒绝 🎉"}'),
    _refused("replacement characters", f"{_PLAIN}; charset=utf-8", "好的拒绝请\ufffd求".encode(), "好的拒绝请求"),
    _refused("a family", _PLAIN, FAMILY.encode(), FAMILY),
    _refused("families at the cut", _PLAIN, _LONG_FAMILIES.encode(), "x" * 195),
    _refused("flags at the cut", _PLAIN, ("x" * 199 + "🇩🇪🇫🇷").encode(), "x" * 199),
    _refused("accents at the cut", _PLAIN, ("x" * 199 + "e\u0301e").encode(), "x" * 199),
    _refused("Devanagari at the cut", _PLAIN, ("x" * 198 + "क्षि").encode(), "x" * 198),
    _refused("joiners of Persian", _PLAIN, "می\u200cخواهم".encode(), "می\u200cخواهم"),
    _refused("gzip unasked", _PLAIN, gzip.compress("拒绝".encode()), "拒绝", b"Content-Encoding: gzip\r\n"),
    _refused(
        "gzip in two members", _PLAIN, gzip.compress(b"a") + gzip.compress(b"b"), "ab", b"Content-Encoding: GZIP\r\n"
    ),
    _refused("deflate", _PLAIN, zlib.compress(b"no"), "no", b"Content-Encoding: deflate\r\n"),
    _refused("deflate without its header", _PLAIN, zlib.compress(b"no")[2:-4], "no", b"Content-Encoding: deflate\r\n"),
    _refused("gzip twice", _PLAIN, gzip.compress(gzip.compress(b"no")), "no", b"Content-Encoding: gzip, gzip\r\n"),
    _refused("gzip of gigabytes", _PLAIN, gzip.compress(b"z" * 9_000_000), "z" * 200, b"Content-Encoding: gzip\r\n"),
    _refused("gzip that was cut", _PLAIN, gzip.compress(b"no" * 99)[:-4], "no" * 99, b"Content-Encoding: gzip\r\n"),
    _refused("gzip that is none", _PLAIN, b"plain", "", b"Content-Encoding: gzip\r\n"),
    _refused("a coding of its own", _PLAIN, b"\x0b\x02\x80no\x03", "", b"Content-Encoding: br\r\n"),
    _sent("chunks", b"Transfer-Encoding: chunked\r\n", _chunk(b"a") + _chunk(b"b") + b"0\r\n\r\n", "ab"),
    _sent(
        "chunks that divide a letter",
        b"Transfer-Encoding: Chunked\r\n",
        _chunk(b"\xe6\x8b") + _chunk(b"\x92") + b"0\r\n\r\n",
        "拒",
    ),
    _sent(
        "chunks with extensions", b"Transfer-Encoding: chunked\r\n", _chunk(b"no", b';a="b;c"') + b"0;x\r\n\r\n", "no"
    ),
    _sent(
        "chunks with trailers",
        b"Transfer-Encoding: chunked\r\n",
        _chunk(b"no") + b"0\r\nDigest: x\r\nA: b\r\n\r\n",
        "no",
    ),
    _sent("chunks with bare LF", b"Transfer-Encoding: chunked\r\n", b"2\nno\n0\n\n", "no"),
    _sent("chunk sizes with zeros", b"Transfer-Encoding: chunked\r\n", b"0002 \r\nno\r\n000\r\n\r\n", "no"),
    _sent("chunks of gzip", b"Transfer-Encoding: gzip, chunked\r\n", _chunk(gzip.compress(b"no")) + b"0\r\n\r\n", "no"),
    _sent(
        "chunks and a length",
        b"Transfer-Encoding: chunked\r\nContent-Length: 1\r\n",
        _chunk(b"no") + b"0\r\n\r\n",
        "no",
    ),
    _sent("chunks that end early", b"Transfer-Encoding: chunked\r\n", _chunk(b"no")[:-2], "no"),
    _sent("chunk of the wrong size", b"Transfer-Encoding: chunked\r\n", b"2\r\nnope\r\n", "no"),
    _sent("identity as a coding", b"Transfer-Encoding: identity\r\nContent-Length: 2\r\n", b"no", "no"),
    _sent("the same length twice", b"Content-Length: 2\r\nContent-Length: 2\r\n", b"no", "no"),
    _sent("the same length in a list", b"Content-Length: 2, 2\r\n", b"no", "no"),
    _sent("too large a length", b"Content-Length: 9\r\n", b"no", "no"),
    _sent("too small a length", b"Content-Length: 2\r\n", b"no way", "no"),
    _sent("body up to the end", b"", b"no", "no"),
    _sent("folded charset", b"Content-Type: text/plain;\r\n charset=gbk\r\n", "拒绝".encode("gbk"), "拒绝"),
    _sent("reset in the body", b"Content-Length: 9\r\n", b"", "", "reset"),
]
SHAPES = [*ACCEPTED, *UNREADABLE, *REFUSED]

"""Headers that keep browsers from caching, guessing the type of, or telling others about a reply."""

from collections.abc import Mapping

# An operation may replace the caching with its own, as the console's assets do.
SECURITY_HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
HTTPS_ONLY = {"Strict-Transport-Security": "max-age=31536000"}


def security_headers(request_headers: Mapping[str, str]) -> dict[str, str]:
    """The headers of every reply, by the request's headers in lower case.

    Whoever ends TLS states so in `X-Forwarded-Proto`, as API Gateway does. A client that claims it over plain HTTP
    receives a header that browsers ignore there (RFC 6797, section 8.1).
    """
    is_over_tls = request_headers.get("x-forwarded-proto", "").partition(",")[0].strip().lower() == "https"
    return SECURITY_HEADERS | HTTPS_ONLY if is_over_tls else SECURITY_HEADERS

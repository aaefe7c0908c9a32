"""How push services know this desk: by its signature in each request's `Authorization` (RFC 8292)."""

import base64
from datetime import datetime, timedelta

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from py_vapid import Vapid02
from pydantic_core import Url

from chalicelib.live.domain.push import PushKeys

# Push services take no signature that is good for more than a day.
_GOOD_FOR = timedelta(hours=12)


def new_keys(contact: str) -> PushKeys:
    """A fresh key pair. `contact` is a `mailto:` or `https:` URL."""
    pair = Vapid02()
    pair.generate_keys()
    point = pair.public_key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    public = base64.urlsafe_b64encode(point).decode().rstrip("=")
    return PushKeys(pair.private_pem().decode(), public, contact)


def authorization(keys: PushKeys, endpoint: str, *, now: datetime) -> str:
    """The header for one request to this endpoint's push service."""
    url = Url(endpoint)
    default = url.port == (443 if url.scheme == "https" else 80)
    origin = f"{url.scheme}://{url.host}" + ("" if default else f":{url.port}")
    claims = {"aud": origin, "exp": int((now + _GOOD_FOR).timestamp()), "sub": keys.contact}
    signed: str = Vapid02.from_pem(keys.private_pem.encode()).sign(claims)["Authorization"]
    return signed

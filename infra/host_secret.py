"""The secret that hosts show each other when they push to each other's WebSockets: `FLUXDEN_HOST_SECRET`.

Unless it is set, it follows from the key that seals secrets, which every host has.
"""

import hashlib
import hmac
import os

from chalicelib import secret_keys

_NAME = "FLUXDEN_HOST_SECRET"
_KEY = "FLUXDEN_SECRET_KEY"


def share_secret() -> None:
    """Set the secret for this process, if it can be known without a call.

    Raises:
        ValueError: the key that seals secrets is malformed.
    """
    if not os.environ.get(_NAME) and os.environ.get(_KEY):
        os.environ[_NAME] = _derive(secret_keys.read_secret_keys()[0])


def accepted_hashes() -> list[bytes]:
    """Return the hashes of the secrets that a host accepts: also those of further keys, while keys are replaced.

    Raises:
        ValueError: there is no key that seals secrets.
    """
    shown = {os.environ.get(_NAME, ""), *map(_derive, secret_keys.read_secret_keys())} - {""}
    return [hashlib.sha256(each.encode()).digest() for each in sorted(shown)]


def _derive(key: bytes) -> str:
    return hmac.new(key, b"fluxden host secret", hashlib.sha256).hexdigest()

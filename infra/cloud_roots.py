"""The authorities that certify the cloud's own endpoints, chosen from the certificates that the SDK trusts anyway."""

import ssl
from pathlib import Path
from typing import Any

# What Amazon Trust Services names as the roots that a client of AWS has to know.
NAMES = (
    *(("Amazon", f"Amazon Root CA {number}") for number in (1, 2, 3, 4)),
    ("Starfield Technologies, Inc.", "Starfield Services Root Certificate Authority - G2"),
)


class MissingRoot(Exception):
    """A root of the cloud is not among the certificates that the SDK trusts, or is there twice."""


def write_cloud_roots(bundle: Path, made: Path) -> None:
    """Write the roots of the cloud that are in the PEM file `bundle` to `made`.

    Raises:
        MissingRoot: the bundle does not have each of them once.
    """
    trusted = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trusted.load_verify_locations(bundle)
    read = zip(trusted.get_ca_certs(), trusted.get_ca_certs(binary_form=True), strict=True)
    chosen = sorted((_name(about), der) for about, der in read if _name(about) in NAMES and _is_root(about))
    if [name for name, _ in chosen] != sorted(NAMES):
        raise MissingRoot(f"{bundle} has, of the cloud's roots: {', '.join(name for (_, name), _ in chosen)}")
    made.write_text("".join(ssl.DER_cert_to_PEM_cert(der) for _, der in chosen), encoding="ascii")


def _name(about: Any) -> tuple[str, str]:
    subject = {name: value for ((name, value),) in about["subject"]}
    return subject.get("organizationName", ""), subject.get("commonName", "")


def _is_root(about: Any) -> bool:
    return bool(about["subject"] == about["issuer"])

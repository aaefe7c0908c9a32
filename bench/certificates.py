"""Certificates for stores on this machine: an authority of their own, one between, and one for the cloud's names."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

HOSTS = {
    "dynamodb": "dynamodb.us-east-1.amazonaws.com",
    "sqs": "sqs.us-east-1.amazonaws.com",
    "sockets": "bench.execute-api.us-east-1.amazonaws.com",
}


def write_certificates(folder: Path) -> Path:
    """Write chain.pem and key.pem of the server into `folder`, and return the path of its authority."""
    # As the cloud's own: keys of RSA, and one certificate between authority and server.
    authority, between, server = (rsa.generate_private_key(65537, 2048) for _ in range(3))
    root = _certify("Bench Root", authority, "Bench Root", authority)
    middle = _certify("Bench Between", between, "Bench Root", authority)
    leaf = _certify("Bench Stores", server, "Bench Between", between, list(HOSTS.values()))
    (folder / "chain.pem").write_bytes(_pem(leaf) + _pem(middle))
    (folder / "key.pem").write_bytes(
        server.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    (folder / "authority.pem").write_bytes(_pem(root))
    return folder / "authority.pem"


def _certify(
    subject: str, key: rsa.RSAPrivateKey, issuer: str, signer: rsa.RSAPrivateKey, hosts: list[str] | None = None
) -> x509.Certificate:
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(_name(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=not hosts, path_length=None), critical=True)
    )
    if hosts:
        built = built.add_extension(x509.SubjectAlternativeName([x509.DNSName(each) for each in hosts]), critical=False)
    return built.sign(signer, hashes.SHA256())


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common)])


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)

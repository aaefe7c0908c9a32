"""The certificates in the package: the cloud's own roots, as the SDK's bundle has them."""

import ssl
import time
from pathlib import Path
from typing import Any

import botocore
import certifi
import pytest

from infra.cloud_roots import NAMES, MissingRoot, write_cloud_roots

_SDK = Path(botocore.__file__).with_name("cacert.pem")


def _read(bundle: Path) -> tuple[list[Any], set[bytes]]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(bundle)
    return context.get_ca_certs(), set(context.get_ca_certs(binary_form=True))


@pytest.mark.parametrize("bundle", [_SDK, Path(certifi.where())], ids=["botocore", "certifi"])
def test_each_root_of_the_cloud_is_chosen_once_and_is_the_one_that_others_trust(bundle: Path, tmp_path: Path) -> None:
    made = tmp_path / "roots.pem"
    write_cloud_roots(bundle, made)
    described, certificates = _read(made)
    names = sorted(tuple(value for ((name, value),) in each["subject"] if name.endswith("Name")) for each in described)
    assert [(organisation, common) for *_, organisation, common in names] == sorted(NAMES)
    for trusted in (_SDK, Path(certifi.where())):
        assert certificates <= _read(trusted)[1]


def test_roots_are_valid_for_years(tmp_path: Path) -> None:
    made = tmp_path / "roots.pem"
    write_cloud_roots(_SDK, made)
    ends = [ssl.cert_time_to_seconds(each["notAfter"]) for each in _read(made)[0]]
    assert min(ends) > time.time() + 3 * 365 * 86400


def test_bundle_without_a_root_of_the_cloud_is_refused(tmp_path: Path) -> None:
    made, fewer = tmp_path / "roots.pem", tmp_path / "fewer.pem"
    write_cloud_roots(_SDK, made)
    fewer.write_text(made.read_text(encoding="ascii").split("-----END CERTIFICATE-----\n", 1)[1], encoding="ascii")
    with pytest.raises(MissingRoot, match="Amazon Root CA 2"):
        write_cloud_roots(fewer, tmp_path / "none.pem")
    assert not (tmp_path / "none.pem").exists()

"""Fixtures of provisioning."""

import pytest

from tests.conftest import Desk
from tests.support.api import Api
from tests.support.directories import Directory


@pytest.fixture
def directory(api: Api, desk: Desk) -> Directory:
    return Directory(api)

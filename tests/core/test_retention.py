"""How long data is kept: each kind has its own name, and operators set only what outlives all messages about it."""

from datetime import timedelta

import pytest

from chalicelib import retention
from chalicelib.retention import FEWEST_DAYS, FIXED, SETTABLE, Kind

pytestmark = pytest.mark.engine("embedded")


def test_every_kind_of_data_is_listed_once_under_its_own_name() -> None:
    declared = [each for each in vars(retention).values() if isinstance(each, Kind)]
    assert sorted(each.name for each in declared) == sorted(each.name for each in (*SETTABLE, *FIXED))
    assert len({each.name for each in declared}) == len(declared)


def test_operators_set_the_days_of_some_kinds_which_are_kept_longer_than_messages_about_them_by_default() -> None:
    assert all(each.setting and each.kept >= timedelta(days=FEWEST_DAYS) for each in SETTABLE)
    assert not any(each.setting for each in FIXED)


def test_digests_are_kept_longer_than_a_message_rests_in_a_queue_and_then_among_the_dead_letters() -> None:
    assert timedelta(days=14 + 14) < retention.DIGESTS.kept

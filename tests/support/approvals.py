"""Find the users who are approved for an integrator, as claims and bulk sends do."""

from collections.abc import Sequence

from chalicelib.catalog.stores.catalog import DynamoCatalog


def approving_items(integrator: str, user_ids: Sequence[str]) -> dict[str, str]:
    """Return the slug of an approving item for each approved user."""
    catalog = DynamoCatalog()
    return catalog.find_approving_items(catalog.list_linked_items(integrator), user_ids)


def approved_users(integrator: str, user_ids: Sequence[str]) -> set[str]:
    return set(approving_items(integrator, user_ids))

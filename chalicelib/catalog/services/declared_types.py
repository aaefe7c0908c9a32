"""Declare the event types of an integrator, and list what integrators declare."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from chalicelib.catalog.domain.declared_types import DeclaredTypesIn, DeclaredTypesOut, IntegratorTypes, StoredTypes
from chalicelib.core.domain.attempts import Attempts
from chalicelib.core.domain.errors import Conflict, NotFound
from chalicelib.core.ports import Gather
from chalicelib.people.domain.directory import Integrator


class DeclaredTypes(Protocol):
    def find(self, integrator: str) -> StoredTypes: ...
    def list_all(self) -> Mapping[str, StoredTypes]: ...
    def save(self, integrator: str, types: StoredTypes, *, seen: int) -> bool: ...


class KnownIntegrators(Protocol):
    def find_integrator(self, slug: str) -> Integrator | None: ...
    def list_integrators(self) -> Sequence[Integrator]: ...


def declare_types(
    wanted: DeclaredTypesIn, *, integrator: str, event_prefix: str, declared: DeclaredTypes
) -> DeclaredTypesOut:
    """Replace the event types that an integrator declares; the same types change nothing. Store calls: 2, 1 then.

    Raises:
        Invalid: a type is not the integrator's.
        Conflict: they have changed since the caller read them.
        Unavailable: too many others change them at the same time.
    """
    wanted.check_prefix(event_prefix)
    attempts = Attempts("Too many calls are changing these event types. Try again.")
    while attempts.again():
        stored = declared.find(integrator)
        if list(stored.types) == wanted.types:
            return stored.to_response()
        if wanted.version not in (None, stored.version):
            raise Conflict("The event types have changed since you read them. Read them again.")
        changed = StoredTypes(wanted.types, stored.version + 1)
        if declared.save(integrator, changed, seen=stored.version):
            return changed.to_response()


def declare_types_of(
    slug: str, wanted: DeclaredTypesIn, *, declared: DeclaredTypes, integrators: KnownIntegrators
) -> DeclaredTypesOut:
    """Replace the event types that an integrator declares, on its behalf. Store calls: 3.

    Raises:
        NotFound: there is no such integrator, or it is archived.
        Invalid, Conflict, Unavailable: as `declare_types`.
    """
    found = integrators.find_integrator(slug)
    if found is None or found.archived_at is not None:
        raise NotFound("Integrator not found, or archived.")
    return declare_types(wanted, integrator=slug, event_prefix=found.event_prefix, declared=declared)


def list_types(*, declared: DeclaredTypes, integrators: KnownIntegrators, gather: Gather) -> list[IntegratorTypes]:
    """List the integrators that are not archived, with the event types that they declare. Store calls at once: 2."""
    known, types = gather(integrators.list_integrators, declared.list_all)
    return [
        IntegratorTypes.model_validate(
            {
                "integrator": each.slug,
                "name": each.name,
                "eventPrefix": each.event_prefix,
                **types.get(each.slug, StoredTypes()).members(),
            }
        )
        for each in known
        if each.archived_at is None
    ]

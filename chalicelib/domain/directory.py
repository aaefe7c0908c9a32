"""The people, integrators and projects of the organisation."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Person:
    """An employee. `email` is lower-case and unique; nothing reaches an inactive one."""

    user_id: str
    email: str
    name: str
    active: bool = True
    org_admin: bool = False


@dataclass(frozen=True)
class Integrator:
    """A system that publishes; its event types all start with `event_prefix`."""

    integrator_id: str
    slug: str
    name: str
    event_prefix: str


@dataclass(frozen=True)
class Project:
    """A project with its members' user ids; `admins` are members too."""

    project_id: str
    slug: str
    name: str
    team_id: str
    members: frozenset[str]
    admins: frozenset[str]

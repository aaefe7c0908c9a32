"""`scim`: what membership of a directory's groups gives."""

from datetime import UTC, datetime
from typing import Any

import click

from chalicelib.core.domain.audit import Subject
from chalicelib.parallel import gather
from chalicelib.people.stores.directory import DynamoDirectory
from chalicelib.provisioning.domain.groups import MOST_MAPPED_PROJECTS, GroupMapping, key_of
from chalicelib.provisioning.services.groups import Groups
from chalicelib.provisioning.stores.groups import DynamoGroups
from chalicelib.provisioning.stores.users import DynamoProvisionedUsers
from infra.commands.audit_trail import about
from infra.commands.output import json_option, print_record, print_records


@click.group()
def scim() -> None:
    """Say what the groups of a directory mean on this desk. For its tokens see `scim-tokens`."""


@scim.group()
def groups() -> None:
    """Map groups of a directory to projects and to operators."""


@groups.command("list", epilog="Example: scim groups list --json")
@json_option
def list_(*, as_json: bool) -> None:
    """List the groups that a directory has sent, and those that are mapped."""
    store = DynamoGroups()
    mappings = store.list_mappings()
    found = [
        _to_record(store.with_members(each).members, each.name, mappings.get(each.key)) for each in store.list_all()
    ]
    known = {key_of(each["group"]) for each in found}
    found += [_to_record(None, each.name, each) for key, each in sorted(mappings.items()) if key not in known]
    print_records(found, as_json=as_json, none="No groups.")


@groups.command("map", epilog="Example: scim groups map 'Desk team' --project apollo")
@click.argument("name")
@click.option("--project", "projects", multiple=True, metavar="SLUG", help="Slug or id of a project. Repeat for more.")
@click.option("--operator", is_flag=True, help="Members are operators, and who leaves is none any more.")
@json_option
def map_(name: str, *, projects: tuple[str, ...], operator: bool, as_json: bool) -> None:
    """Map a group to projects or to operators, replacing its mapping.

    The group need not have been sent yet. Its members become members of the projects at once, and whoever leaves the
    group leaves them, unless another of their groups is mapped to them. Administrators of a project stay that as long
    as they are members.
    """
    if not key_of(name) or not (projects or operator):
        raise click.UsageError("Name a group, and at least one --project or --operator.")
    mapping = GroupMapping(name.strip(), _slugs(projects), operator)
    _note_group(mapping.key)
    count = _groups().map_group(mapping)
    print_record(_to_record(None, mapping.name, mapping) | {"members": count}, as_json=as_json)


@groups.command("unmap", epilog="Example: scim groups unmap 'Desk team'")
@click.argument("name")
def unmap(name: str) -> None:
    """End the mapping of a group. Its members lose what only this group gave them."""
    _note_group(key_of(name))
    count = _groups().unmap_group(key_of(name))
    click.echo(f"Unmapped {name}, which has {count} {'member' if count == 1 else 'members'}.")


def _note_group(key: str) -> None:
    # By id, if the directory has sent the group: a group can be named after a person, whom an entry outlives.
    if group_id := DynamoGroups().find_id_by_name(key):
        about(Subject("group", group_id))


def _groups() -> Groups:
    return Groups(DynamoGroups(), DynamoProvisionedUsers(), gather, datetime.now(UTC))


def _slugs(named: tuple[str, ...]) -> frozenset[str]:
    if not named:
        return frozenset()
    if len(named) > MOST_MAPPED_PROJECTS:
        raise click.ClickException(f"A group is mapped to at most {MOST_MAPPED_PROJECTS} projects.")
    known = {name: each.slug for each in DynamoDirectory().list_projects() for name in (each.slug, each.project_id)}
    if unknown := [each for each in named if each not in known]:
        raise click.ClickException(f"There is no project {unknown[0]}. See: projects list")
    return frozenset(known[each] for each in named)


def _to_record(members: frozenset[str] | None, name: str, mapping: GroupMapping | None) -> dict[str, Any]:
    return {
        "group": name,
        "members": None if members is None else len(members),
        "projects": sorted(mapping.projects) if mapping else [],
        "operator": bool(mapping and mapping.operator),
    }

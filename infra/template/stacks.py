"""The stacks of a desk: one for data, one for gateways and alarms, one for each area's functions, nested in a root."""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from infra.template.entry_points import EntryPoint
from infra.template.names import Resources, pascal, ref, sub

Template = dict[str, Any]

DATA, GATEWAYS = "Data", "Gateways"
STACK = "AWS::CloudFormation::Stack"
# CloudFormation's limit is 500.
MOST_RESOURCES = 300
# Modules of `chalicelib` whose functions are in a later stack of their area, because an earlier one is full. Lines are
# only added: a function never moves, because its name is taken until its old stack lets go of it.
LATER_STACKS: dict[str, int] = {"api.v2.operate_audit": 2, "api.v2.operate_deliveries": 2}


class Unknown(Exception):
    """A stack refers to something that no stack has."""


@dataclass(frozen=True)
class Templates:
    """The root's template, and those of the nested stacks by their logical id in the root."""

    root: Template
    nested: dict[str, Template]

    def list_resources(self) -> Resources:
        """Return the resources of all nested stacks. Their logical ids are unique in the desk."""
        return {name: each for template in self.nested.values() for name, each in template["Resources"].items()}

    def only(self, name: str) -> Template:
        """Return the root with one nested stack alone."""
        alone = {section: content for section, content in self.root.items() if section != "Outputs"}
        return alone | {"Resources": {name: self.root["Resources"][name]}}


@dataclass(frozen=True)
class Part:
    """What one nested stack has. `after` names stacks that must be there before it."""

    resources: Resources
    outputs: Mapping[str, Any]
    after: tuple[str, ...] = ()


def dump(template: Template) -> bytes:
    """Return the template as it is uploaded."""
    return json.dumps(template, separators=(",", ":")).encode()


def digest(content: bytes) -> str:
    """Return the first part of the name under which a file is uploaded."""
    return hashlib.sha256(content).hexdigest()


def by_stack(
    entry_points: Iterable[EntryPoint], areas: Mapping[str, str], later: Mapping[str, int]
) -> dict[str, list[EntryPoint]]:
    """Return the functions of each stack. `areas` and `later` are by module, without `chalicelib.`.

    The stack follows from the module alone, so a new operation moves no other function.

    Raises:
        Unknown: a module belongs to no area.
    """
    made: dict[str, list[EntryPoint]] = {}
    for each in entry_points:
        module = each.module.removeprefix("chalicelib.")
        if module not in areas:
            raise Unknown(f"{module} belongs to no area")
        number = later.get(module, 1)
        made.setdefault(pascal(areas[module]) + (str(number) if number > 1 else ""), []).append(each)
    return dict(sorted(made.items()))


def nest(parts: Mapping[str, Part], parameters: Mapping[str, Any], conditions: Mapping[str, Any]) -> Templates:
    """Return the templates of the stacks. Each has the parameters and conditions that it uses, and no others.

    Raises:
        Unknown: a stack refers to something that is neither its own, nor a parameter, nor another stack's output.
    """
    owners = {output: name for name, part in parts.items() for output in part.outputs}
    nested: dict[str, Template] = {}
    stacks: Resources = {}
    for name, part in parts.items():
        used = {each: conditions[each] for each in sorted(set(_conditions(part.resources, part.outputs)))}
        values: dict[str, Any] = {}
        for each in sorted(set(_names(part.resources, part.outputs, used)) - part.resources.keys()):
            if each in parameters:
                values[each] = ref(each)
            elif owners.get(each, name) != name:
                values[each] = {"Fn::GetAtt": [owners[each], f"Outputs.{each}"]}
            else:
                raise Unknown(f"{name} refers to {each}")
        # The root has checked the values already, and an output has no value before the first deployment.
        declared = {each: {"Type": parameters.get(each, {}).get("Type", "String")} for each in values}
        nested[name] = _template(f"Fluxden: {name}", declared, used, part.resources, part.outputs)
        stacks[name] = _stack(nested[name], values, part.after)
    outputs = {each: {"Fn::GetAtt": [owner, f"Outputs.{each}"]} for each, owner in owners.items()}
    root_outputs = outputs | {each: ref(each) for each in ("Prefix", "SecretKeyId")}
    return Templates(_template("Fluxden", parameters, {}, stacks, root_outputs), nested)


def _template(
    description: str,
    parameters: Mapping[str, Any],
    conditions: Mapping[str, Any],
    resources: Resources,
    outputs: Mapping[str, Any],
) -> Template:
    made = {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": description,
        "Parameters": dict(parameters),
        "Conditions": dict(conditions),
        "Resources": resources,
        "Outputs": {name: {"Value": value} for name, value in outputs.items()},
    }
    return {section: content for section, content in made.items() if content}


def address(template: Template) -> dict[str, str]:
    """Return where the root finds a nested template: a file whose name follows from its content.

    So the root changes exactly if a nested template does.
    """
    file = f"{digest(dump(template))}.json"
    return sub(f"https://${{CodeBucket}}.s3.${{AWS::Region}}.${{AWS::URLSuffix}}/${{AWS::StackName}}/{file}")


def _stack(template: Template, values: dict[str, Any], after: tuple[str, ...]) -> dict[str, Any]:
    order = {"DependsOn": list(after)} if after else {}
    return {"Type": STACK, **order, "Properties": {"TemplateURL": address(template), "Parameters": values}}


def _names(*values: Any) -> Iterator[str]:
    """Return every name that the values refer to, without what CloudFormation provides."""
    for value in values:
        match value:
            case {"Ref": str(name)}:
                found = [name]
            case {"Fn::GetAtt": [name, _]}:
                found = [name]
            case {"Fn::Sub": str(text)}:
                found = [each.partition(".")[0] for each in re.findall(r"\$\{([^!}][^}]*)\}", text)]
            case dict():
                yield from _names(*value.values())
                continue
            case list():
                yield from _names(*value)
                continue
            case _:
                continue
        yield from (each for each in found if not each.startswith("AWS::"))


def _conditions(*values: Any) -> Iterator[str]:
    for value in values:
        match value:
            case {"Fn::If": [name, *rest]}:
                yield name
                yield from _conditions(*rest)
            case {"Condition": str(name), "Type": _, **rest}:
                yield name
                yield from _conditions(*rest.values())
            case dict():
                yield from _conditions(*value.values())
            case list():
                yield from _conditions(*value)

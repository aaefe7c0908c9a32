"""Update expressions, compiled once to functions that return the new attributes of a row."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from moto.dynamodb.models.dynamo_type import DynamoType
from moto.dynamodb.parsing import ast_nodes
from moto.dynamodb.parsing.expressions import UpdateExpressionParser  # type: ignore[attr-defined]
from moto.dynamodb.parsing.reserved_keywords import ReservedKeywords

from infra.local.compiled import CACHED, SETS, Attributes, Names, NotCompiledError, Operand, Path, Values, descend

_nodes: Any = ast_nodes


class CompiledUpdate(NamedTuple):
    """`apply` returns the new attributes and changes nothing in place; `bases` are the attributes it may change."""

    apply: Callable[[Attributes, Values], dict[str, DynamoType]]
    bases: frozenset[str]
    names: frozenset[str]
    values: frozenset[str]


@lru_cache(maxsize=CACHED)
def compile_update(text: str, names: Names) -> CompiledUpdate:
    """Compile an update expression.

    Raises:
        NotCompiledError: moto refuses it, or it has a part that is not compiled here.
    """
    try:
        tree = UpdateExpressionParser.make(text.strip())
    except Exception as error:
        raise NotCompiledError from error
    compiler = _UpdateCompiler(dict(names))
    steps = compiler.steps(tree)
    paths = [step.path for step in steps]
    if any(one == other[: len(one)] for at, one in enumerate(paths) for other in paths[:at] + paths[at + 1 :]):
        raise NotCompiledError

    def apply(attributes: Attributes, given: Values) -> dict[str, DynamoType]:
        changed = dict(attributes)
        for step in steps:
            step.run(changed, attributes, given)
        return changed

    bases = frozenset(path[0] for path in paths)
    return CompiledUpdate(apply, bases, frozenset(compiler.names_used), frozenset(compiler.values_used))


@dataclass(frozen=True)
class _Step:
    """One action of an update, on one path."""

    path: Path
    run: Callable[[dict[str, DynamoType], Attributes, Values], None]


class _UpdateCompiler:
    def __init__(self, names: Mapping[str, str]) -> None:
        self.names = names
        self.names_used: set[str] = set()
        self.values_used: set[str] = set()

    def steps(self, node: Any) -> list[_Step]:
        match node:
            case _nodes.UpdateExpressionSetAction(children=[path, value]):
                return [self._set(self._path(path), self._value(value))]
            case _nodes.UpdateExpressionRemoveAction(children=[path]):
                return [self._remove(self._path(path))]
            case _nodes.UpdateExpressionAddAction(children=[path, value]):
                return [self._add(self._path(path), self._operand(value))]
            case _nodes.UpdateExpressionDeleteAction(children=[path, value]):
                return [self._delete(self._path(path), self._operand(value))]
        return [step for child in node.children for step in self.steps(child)]

    def _path(self, node: Any) -> Path:
        parts: list[str] = []
        for each in node.children:
            match each:
                case _nodes.ExpressionAttribute():
                    name = each.get_attribute_name()
                    if name.upper() in ReservedKeywords.get_reserved_keywords():
                        raise NotCompiledError
                    parts.append(name)
                case _nodes.ExpressionAttributeName():
                    placeholder = each.get_attribute_name_placeholder()
                    self.names_used.add(placeholder)
                    if placeholder not in self.names:
                        raise NotCompiledError
                    parts.append(self.names[placeholder])
                case _nodes.ExpressionPathDescender():
                    pass
                case _:
                    raise NotCompiledError
        return tuple(parts)

    def _operand(self, node: Any) -> Operand:
        match node:
            case _nodes.ExpressionAttributeValue():
                name = node.get_value_name()
                self.values_used.add(name)
                return lambda _, values: values[name]
            case _nodes.UpdateExpressionPath():
                base, *rest = self._path(node)
                return lambda row, _: descend(row.get(base), rest)
            case _nodes.UpdateExpressionFunction(children=["if_not_exists", path, default]):
                found, otherwise = self._operand(path), self._operand(default)

                def first(row: Attributes, values: Values) -> DynamoType | None:
                    value = found(row, values)
                    return otherwise(row, values) if value is None else value

                return first
            case _nodes.UpdateExpressionFunction(children=["list_append", left, right]):
                one, other = self._operand(left), self._operand(right)

                def appended(row: Attributes, values: Values) -> DynamoType:
                    head, tail = one(row, values), other(row, values)
                    if head is None or tail is None or not head.is_list() or not tail.is_list():
                        raise NotCompiledError
                    return _made("L", [*head.value, *tail.value])

                return appended
        raise NotCompiledError

    def _value(self, node: Any) -> Operand:
        match node.children:
            case [only]:
                return self._operand(only)
            case [left, operator, right]:
                one, other = self._operand(left), self._operand(right)
                adds = operator.get_operator() == "+"

                def total(row: Attributes, values: Values) -> DynamoType:
                    first, second = _number(one(row, values)), _number(other(row, values))
                    return first + second if adds else first - second

                return total
        raise NotCompiledError

    def _set(self, path: Path, value: Operand) -> _Step:
        def run(changed: dict[str, DynamoType], row: Attributes, values: Values) -> None:
            new = value(row, values)
            if new is None:
                raise NotCompiledError
            _put(changed, path, new)

        return _Step(path, run)

    def _remove(self, path: Path) -> _Step:
        def run(changed: dict[str, DynamoType], _: Attributes, __: Values) -> None:
            _put(changed, path, None)

        return _Step(path, run)

    def _add(self, path: Path, added: Operand) -> _Step:
        base, *rest = path

        def run(changed: dict[str, DynamoType], row: Attributes, values: Values) -> None:
            more, known = added(row, values), descend(row.get(base), rest)
            if more is None or (known is not None and known.type != more.type):
                raise NotCompiledError
            if more.type == "N":
                _put(changed, path, more if known is None else known + more)
            elif more.type in SETS and more.value:
                held = list(known.value) if known is not None else []
                _put(changed, path, _made(more.type, held + [each for each in more.value if each not in held]))
            else:
                raise NotCompiledError

        return _Step(path, run)

    def _delete(self, path: Path, taken: Operand) -> _Step:
        base, *rest = path

        def run(changed: dict[str, DynamoType], row: Attributes, values: Values) -> None:
            less, known = taken(row, values), descend(row.get(base), rest)
            if less is None or less.type not in SETS or (known is not None and known.type != less.type):
                raise NotCompiledError
            if known is not None:
                left = [each for each in known.value if each not in less.value]
                _put(changed, path, _made(known.type, left) if left else None)

        return _Step(path, run)


def _number(value: DynamoType | None) -> DynamoType:
    if value is None or value.type != "N":
        raise NotCompiledError
    return value


def _put(row: dict[str, DynamoType], path: Path, value: DynamoType | None) -> None:
    """Set or, with None, remove what is at the path, in copies of the maps on the way."""
    base, *rest = path
    if not rest:
        if value is None:
            row.pop(base, None)
        else:
            row[base] = value
        return
    parent = row.get(base)
    if parent is None or not parent.is_map():
        raise NotCompiledError
    inner = dict(parent.value)
    _put(inner, tuple(rest), value)
    row[base] = _made("M", inner)


def _made(kind: str, value: Any) -> DynamoType:
    # Without the constructor, which would convert every part once more.
    made = object.__new__(DynamoType)
    made.type, made.value = kind, value
    return made

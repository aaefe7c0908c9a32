"""DynamoDB expressions, compiled once to functions over the attributes of a row.

moto's own parsers read the text, so that its grammar holds. What is compiled here is the evaluation. An expression that
this module does not compile is left to moto, and so is every expression that fails: moto then words the error.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from moto.dynamodb import comparisons
from moto.dynamodb.comparisons import create_condition_expression_parser
from moto.dynamodb.models.dynamo_type import DynamoType
from moto.dynamodb.parsing import ast_nodes
from moto.dynamodb.parsing.expressions import UpdateExpressionParser  # type: ignore[attr-defined]
from moto.dynamodb.parsing.key_condition_expression import parse_expression
from moto.dynamodb.parsing.reserved_keywords import ReservedKeywords

Attributes = Mapping[str, DynamoType]
Values = Mapping[str, DynamoType]
Names = tuple[tuple[str, str], ...]
Operand = Callable[[Attributes, Values], DynamoType | None]
Condition = Callable[[Attributes, Values], bool]
Path = tuple[str, ...]

_nodes: Any = ast_nodes
_CACHED = 4096
_SETS = ("SS", "NS", "BS")


class NotCompiledError(Exception):
    """The expression, or its evaluation on this row, is moto's to answer."""


class CompiledCondition(NamedTuple):
    holds: Condition
    names: frozenset[str]
    values: frozenset[str]


class KeyCondition(NamedTuple):
    """A partition's attribute and placeholder, and the comparison of the sort key with its placeholders, if any."""

    hash_name: str
    hash_value: str
    comparison: str | None
    range_values: tuple[str, ...]
    names: frozenset[str]


class CompiledUpdate(NamedTuple):
    """`apply` returns the new attributes and changes nothing in place; `bases` are the attributes it may change."""

    apply: Callable[[Attributes, Values], dict[str, DynamoType]]
    bases: frozenset[str]
    names: frozenset[str]
    values: frozenset[str]


@lru_cache(maxsize=_CACHED)
def condition(text: str | None, names: Names, values: frozenset[str]) -> CompiledCondition:
    """Compile a condition or filter expression.

    Raises:
        NotCompiledError: moto refuses it, or it has a part that is not compiled here.
    """
    try:
        parser = create_condition_expression_parser(text, dict(names), _placeholders(values))
        holds = _condition(parser.parse())
    except NotCompiledError:
        raise
    except Exception as error:
        raise NotCompiledError from error
    used = parser.expr_attr_names_found
    return CompiledCondition(
        holds, frozenset(name for name in used if name[0] == "#"), frozenset(parser.expr_attr_values_found)
    )


@lru_cache(maxsize=_CACHED)
def key_condition(text: str, names: Names, values: frozenset[str], schema: tuple[tuple[str, str], ...]) -> KeyCondition:
    """Compile a query's key condition for a key schema of (attribute, HASH or RANGE).

    Raises:
        NotCompiledError: moto refuses it, or it compares more than one sort key.
    """
    described = [{"AttributeName": name, "KeyType": kind} for name, kind in schema]
    try:
        names_by_placeholder: Any = dict(names)
        placeholders: Any = _placeholders(values)
        hashes, ranges, used = parse_expression(text, placeholders, names_by_placeholder, described)
    except Exception as error:
        raise NotCompiledError from error
    if len(hashes) != 1 or len(ranges) > 1:
        raise NotCompiledError
    ((hash_name, hash_value),) = hashes
    comparison, range_values = (ranges[0][1], ranges[0][2]) if ranges else (None, [])
    return KeyCondition(
        hash_name, hash_value["S"], comparison, tuple(each["S"] for each in range_values), frozenset(used)
    )


@lru_cache(maxsize=_CACHED)
def update(text: str, names: Names) -> CompiledUpdate:
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


def _placeholders(values: frozenset[str]) -> dict[str, dict[str, str]]:
    # Each value stands for its own name, so that what is parsed serves for all values.
    return {name: {"S": name} for name in values}


def plain(value: DynamoType) -> Any:
    """The value as Python compares it: numbers as decimals, sets as sets."""
    return value.value if value.type == "S" else value.cast_value


def _cast(value: DynamoType | None) -> Any:
    return None if value is None else plain(value)


# Conditions


def _condition(node: Any) -> Condition:
    match node:
        case comparisons.OpDefault():
            return lambda _, __: True
        case comparisons.OpNot(lhs=inner):
            negated = _condition(inner)
            return lambda row, values: not negated(row, values)
        case comparisons.OpAnd(lhs=left, rhs=right):
            first, second = _condition(left), _condition(right)
            return lambda row, values: first(row, values) and second(row, values)
        case comparisons.OpOr(lhs=left, rhs=right):
            first, second = _condition(left), _condition(right)
            return lambda row, values: first(row, values) or second(row, values)
        case comparisons.FuncAttrExists(attr=attribute):
            found = _operand(attribute)
            return lambda row, values: found(row, values) is not None
        case comparisons.FuncBeginsWith(attr=attribute, substr=prefix):
            return _begins_with(_operand(attribute), _operand(prefix))
        case comparisons.FuncContains(attr=attribute, operand=element):
            return _contains(_operand(attribute), _operand(element))
        case comparisons.Op(lhs=left, rhs=right) if node.OP in _COMPARISONS:
            return _comparison(node.OP, left, right)
    raise NotCompiledError


def _comparison(operator: str, left: Any, right: Any) -> Condition:
    compare = _COMPARISONS[operator]
    first, second = _compared(left), _compared(right)
    return lambda row, values: compare(first(row, values), second(row, values))


def _both(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    return lambda one, other: one is not None and other is not None and compare(one, other)


_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda one, other: one == other,
    "<>": lambda one, other: one != other,
    "<": _both(lambda one, other: one < other),
    "<=": _both(lambda one, other: one <= other),
    ">": _both(lambda one, other: one > other),
    ">=": _both(lambda one, other: one >= other),
}


def _compared(node: Any) -> Callable[[Attributes, Values], Any]:
    if isinstance(node, comparisons.FuncSize):
        measured = _operand(node.attr)

        def size(row: Attributes, values: Values) -> int:
            value = measured(row, values)
            if value is None or value.type in ("N", "BOOL", "NULL"):
                raise NotCompiledError
            return len(_cast(value))

        return size
    found = _operand(node)
    return lambda row, values: _cast(found(row, values))


def _begins_with(attribute: Operand, prefix: Operand) -> Condition:
    def holds(row: Attributes, values: Values) -> bool:
        text, beginning = attribute(row, values), prefix(row, values)
        if text is None or beginning is None or text.type != "S" or beginning.type != "S":
            return False
        return str(text.value).startswith(beginning.value)

    return holds


def _contains(attribute: Operand, element: Operand) -> Condition:
    def holds(row: Attributes, values: Values) -> bool:
        whole, part = attribute(row, values), element(row, values)
        if whole is None or whole.type not in ("S", "L", *_SETS):
            return False
        try:
            return bool(_cast(part) in _cast(whole))
        except TypeError:
            return False

    return holds


def _operand(node: Any) -> Operand:
    match node:
        case comparisons.AttributePath(path=[str(name)]):
            return lambda row, _: row.get(name)
        case comparisons.AttributePath(path=[str(name), *rest]):
            return lambda row, _: _descend(row.get(name), rest)
        case comparisons.AttributeValue(type="S", value=name):
            return lambda _, values: values[name]
    raise NotCompiledError


def _descend(value: DynamoType | None, path: Sequence[Any]) -> DynamoType | None:
    for part in path:
        if value is None:
            return None
        value = value.child_attr(part)
    return value


# Updates


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
                return lambda row, _: _descend(row.get(base), rest)
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
            more, known = added(row, values), _descend(row.get(base), rest)
            if more is None or (known is not None and known.type != more.type):
                raise NotCompiledError
            if more.type == "N":
                _put(changed, path, more if known is None else known + more)
            elif more.type in _SETS and more.value:
                held = list(known.value) if known is not None else []
                _put(changed, path, _made(more.type, held + [each for each in more.value if each not in held]))
            else:
                raise NotCompiledError

        return _Step(path, run)

    def _delete(self, path: Path, taken: Operand) -> _Step:
        base, *rest = path

        def run(changed: dict[str, DynamoType], row: Attributes, values: Values) -> None:
            less, known = taken(row, values), _descend(row.get(base), rest)
            if less is None or less.type not in _SETS or (known is not None and known.type != less.type):
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

"""DynamoDB expressions, compiled once to functions over the attributes of a row.

moto's own parsers read the text, so that its grammar holds. What is compiled here is the evaluation. An expression that
this module does not compile is left to moto, and so is every expression that fails: moto then words the error.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from moto.dynamodb import comparisons
from moto.dynamodb.comparisons import create_condition_expression_parser
from moto.dynamodb.models.dynamo_type import DynamoType
from moto.dynamodb.parsing.key_condition_expression import parse_expression

Attributes = Mapping[str, DynamoType]
Values = Mapping[str, DynamoType]
Names = tuple[tuple[str, str], ...]
Operand = Callable[[Attributes, Values], DynamoType | None]
Condition = Callable[[Attributes, Values], bool]
Path = tuple[str, ...]

CACHED = 4096
SETS = ("SS", "NS", "BS")


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


@lru_cache(maxsize=CACHED)
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


@lru_cache(maxsize=CACHED)
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


def _placeholders(values: frozenset[str]) -> dict[str, dict[str, str]]:
    # Each value stands for its own name, so that what is parsed serves for all values.
    return {name: {"S": name} for name in values}


def plain(value: DynamoType) -> Any:
    """The value as Python compares it: numbers as decimals, sets as sets."""
    return value.value if value.type == "S" else value.cast_value


def _cast(value: DynamoType | None) -> Any:
    return None if value is None else plain(value)


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
        if whole is None or whole.type not in ("S", "L", *SETS):
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
            return lambda row, _: descend(row.get(name), rest)
        case comparisons.AttributeValue(type="S", value=name):
            return lambda _, values: values[name]
    raise NotCompiledError


def descend(value: DynamoType | None, path: Sequence[Any]) -> DynamoType | None:
    for part in path:
        if value is None:
            return None
        value = value.child_attr(part)
    return value

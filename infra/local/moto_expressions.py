"""Cache moto's parsed expressions.

The stores use a few hundred different expressions, each thousands of times. moto parses each one again every time, and
for every node of an update it searches all its rules.
"""

from collections import deque
from copy import deepcopy
from functools import cache, lru_cache
from typing import Any

_MOST_CACHED = 4096


def install() -> None:
    """Cache parsed expressions, and the rule for each kind of node."""
    from moto.core import responses
    from moto.dynamodb.parsing import ast_nodes, validators

    nodes: Any = ast_nodes
    answering: Any = responses
    if hasattr(answering.method_names_from_class, "cache_info"):
        return
    answering.method_names_from_class = cache(answering.method_names_from_class)
    _remember_conditions()
    _remember_tokens()
    _remember_updates()
    nodes.DepthFirstTraverser.traverse_node_recursively = _traverse
    nodes.Node.__deepcopy__ = _copy_node
    # These validators check the expression as a whole; visiting its parts has no effect.
    validators.ActionCountValidator.traverse = validators.ActionCountValidator.verify_action_counts
    validators.OverlappingPathsValidator.traverse = validators.OverlappingPathsValidator.check_for_overlapping_paths


def _remember_conditions() -> None:
    from moto.dynamodb.comparisons import ConditionExpressionParser as Parser

    original = Parser._lex_condition_expression

    @lru_cache(maxsize=_MOST_CACHED)
    def nodes(text: str | None) -> tuple[Any, ...]:
        return tuple(original(Parser(text, None, None)))

    Parser._lex_condition_expression = lambda self: deque(nodes(self.condition_expression))  # type: ignore[method-assign]


def _remember_tokens() -> None:
    from moto.dynamodb.parsing.tokens import ExpressionTokenizer as Tokenizer

    @lru_cache(maxsize=_MOST_CACHED)
    def tokens(text: str) -> tuple[Any, ...]:
        return tuple(Tokenizer(text)._make_list())

    Tokenizer.make_list = classmethod(lambda _, text: list(tokens(text)))  # type: ignore[assignment,method-assign]


def _remember_updates() -> None:
    from moto.dynamodb.parsing import expressions

    parser: Any = vars(expressions)["UpdateExpressionParser"]
    original = parser.make

    @lru_cache(maxsize=_MOST_CACHED)
    def tree(text: str) -> Any:
        return original(text)

    # Callers that change a tree copy it first.
    parser.make = staticmethod(tree)


def _copy_node(node: Any, memo: dict[int, Any]) -> Any:
    made = object.__new__(type(node))
    made.__dict__ = node.__dict__ | {"parent": None}
    if node.children is not None:
        made.children = [deepcopy(each, memo) for each in node.children]
        for each in made.children:
            kind: Any = type(each)
            if _is_node(kind):
                each.parent = made
    return made


def _traverse(self: Any, node: Any, child_id: int = -1) -> Any:
    kind: Any = type(node)
    if not _is_node(kind):
        return node
    parent = node.parent
    for at, child in enumerate(node.children or ()):
        self.pre_processing_of_child(node, at)
        _traverse(self, child, at)
    traverser: Any = type(self)
    if (rule := _rule_for(traverser, kind)) is None:
        return node
    changed = self._processing_map()[rule](node)
    changed.parent = parent
    if parent:
        parent.children[child_id] = changed
    return changed


@cache
def _is_node(kind: Any) -> bool:
    from moto.dynamodb.parsing import ast_nodes

    nodes: Any = ast_nodes
    return issubclass(kind, nodes.Node)


@cache
def _rule_for(traverser: Any, kind: Any) -> Any:
    """Return the node type under which the traverser registers its rule for `kind`; None without a rule."""
    rules: dict[type, Any] = object.__new__(traverser)._processing_map()
    return next((each for each in rules if issubclass(kind, each)), None)

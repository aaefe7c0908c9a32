"""moto's expressions, read without doing the same work again and again.

A desk asks its stores in a few hundred different expressions, thousands of times. moto reads each anew by character and
pattern, and asks of every node of an update, ten times over, which of its rules are meant for such a node.
"""

from collections import deque
from copy import deepcopy
from functools import cache, lru_cache
from typing import Any

_MOST_CACHED = 4096


def install() -> None:
    """Let moto remember what it has read, and which rule is for which kind of node."""
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
    # They look at the whole expression, and learn nothing from its parts.
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

    # Whoever changes a tree, as values are put in for names, does it to a copy.
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
    """The kind of node under which a traverser has its rule for this kind; None when it has none."""
    rules: dict[type, Any] = object.__new__(traverser)._processing_map()
    return next((each for each in rules if issubclass(kind, each)), None)

"""Run by `infra.start_cache` in a process of its own: import modules, and write all that Python compiled meanwhile.

Arguments: the file to write, the folders to import from, separated by a colon, and the modules.
"""

import builtins
import dataclasses
import importlib
import marshal
import re
import sys
import warnings
from array import array
from typing import Any

# How a code is written: without references to what happens to be shared, so that the file is always the same.
_WITHOUT_REFERENCES = 2


def main(made: str, folders: str, modules: list[str]) -> None:
    compiler: Any = vars(re)["_compiler"]
    compile_expression, engine = compiler.compile, compiler._sre
    functions: dict[str, bytes] = {}
    expressions: dict[tuple[str | bytes, int], bytes] = {}

    def execute(text: Any, *scopes: Any) -> None:
        if isinstance(text, str):
            functions[text] = marshal.dumps(compile(text, "<string>", "exec", dont_inherit=True), _WITHOUT_REFERENCES)
        builtins.exec(text, *scopes)  # noqa: S102

    class Engine:
        """Stands in for the module that compiled expressions are handed to."""

        def __init__(self) -> None:
            self.made: tuple[Any, ...] = ()

        def compile(self, *made: Any) -> Any:
            self.made = made
            return engine.compile(*made)

        def __getattr__(self, name: str) -> Any:
            return getattr(engine, name)

    def record(pattern: Any, flags: int = 0) -> Any:
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            found = compile_expression(pattern, flags)
        # Warnings are to be repeated where the pattern is compiled.
        if isinstance(pattern, str | bytes) and not warned and not int(flags) & re.DEBUG:
            _, effective, code, groups, names, _ = compiler._sre.made
            packed = (int(effective), array("I", code).tobytes(), groups, dict(names))
            expressions[pattern, int(flags)] = marshal.dumps(packed, _WITHOUT_REFERENCES)
        return found

    compiler._sre = Engine()
    compiler.compile = record
    vars(dataclasses)["exec"] = execute
    re.purge()
    sys.path[:0] = folders.split(":")
    for each in modules:
        importlib.import_module(each)
    aws = importlib.import_module("chalicelib.aws")
    for client in (aws.dynamodb, aws.sqs, aws.sockets):
        client()
    python = importlib.import_module("chalicelib.start_cache").PYTHON
    compiler._sre = engine
    content = (python, dict(sorted(functions.items())), dict(sorted(expressions.items(), key=repr)))
    with open(made, "wb") as file:  # noqa: PTH123
        file.write(marshal.dumps(content, _WITHOUT_REFERENCES))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])

"""What Python compiles again at every start, compiled by `make package`: methods of dataclasses, regular expressions.

A text that is not in the file, or a file of another Python, is compiled as ever. `infra.start_cache` writes the file.
"""

import dataclasses
import marshal
import os
import re
import sys
from importlib.util import MAGIC_NUMBER
from typing import Any

FILE = os.path.join(os.path.dirname(__file__), "start_cache.bin")  # noqa: PTH118, PTH120 - loads nothing for it
compiler: Any = vars(re)["_compiler"]
# Compiled code and expressions mean the same only where all of these are the same.
PYTHON = (MAGIC_NUMBER, compiler._sre.MAGIC, compiler._sre.CODESIZE, sys.byteorder)

compile_expression = compiler.compile


def install(path: str = FILE) -> bool:
    """Use the compiled code of the file from now on, if there is one and it is of this Python."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123
            python, functions, expressions = marshal.loads(file.read())  # noqa: S302 - it is in the package
    except (OSError, ValueError, EOFError, TypeError):
        return False
    if python != PYTHON:
        return False

    def execute(text: Any, *scopes: Any) -> None:
        code = functions.get(text)
        exec(marshal.loads(code) if code else text, *scopes)  # noqa: S102, S302

    def compiled(pattern: Any, flags: int = 0) -> Any:
        if isinstance(pattern, str | bytes) and (found := expressions.get((pattern, int(flags)))):
            flags, code, groups, names = marshal.loads(found)  # noqa: S302
            numbers: list[str | None] = [None] * (groups + 1)
            for name, number in names.items():
                numbers[number] = name
            return compiler._sre.compile(
                pattern, flags, memoryview(code).cast("I").tolist(), groups, names, tuple(numbers)
            )
        return compile_expression(pattern, flags)

    # The module's own name goes before the built-in function.
    vars(dataclasses)["exec"] = execute
    compiler.compile = compiled
    return True

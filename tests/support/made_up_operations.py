"""Build the templates of an app with made-up operations: `python -m tests.support.made_up_operations FOLDER [AREA]`.

Adds 200 operations in 20 modules to the app of this process, spread over the areas or all in AREA, and writes the
templates of both apps into FOLDER/before and FOLDER/after.
"""

import sys
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from chalice.app import Blueprint

from app import app
from chalicelib.api.v2.contract import operation
from chalicelib.core.domain.callers import ApiKey
from chalicelib.core.domain.envelope import Data
from chalicelib.resources import DELIVERIES, FAN_OUT, TOKENS
from infra import catalog, package
from infra.template.build import templates
from infra.template.stacks import LATER_STACKS
from tests.support.template import chalice_template

MODULES, OPERATIONS = 20, 10
_METHODS = ("GET", "POST", "PATCH", "DELETE")
_GRANTS = TOKENS.can("UpdateItem") + DELIVERIES.can("GetItem", "PutItem", "Query") + FAN_OUT.can_send()
# Made-up modules that a stack of an area holds, where all of them are in one area.
_IN_A_STACK = 4


def _answer(caller: ApiKey) -> Data:
    """Answer nothing: it is never called."""
    raise NotImplementedError(caller)


def add_module(number: int) -> str:
    """Add the operations of a made-up module to the app, and return the module's name."""
    module = ModuleType(f"chalicelib.api.v2.made_up_{number}")
    sys.modules[module.__name__] = module
    blueprint = Blueprint(module.__name__)
    for at in range(OPERATIONS):
        name = f"made_up_{number}_operation_{at}"
        function = FunctionType(_answer.__code__, globals(), name)
        function.__module__, function.__doc__ = module.__name__, _answer.__doc__
        function.__annotations__ = _answer.__annotations__
        # A collection and two paths below it, as most modules have them.
        path = f"/api/v2/made-up-{number}/{at // len(_METHODS)}".removesuffix("/0")
        declare: Any = operation(
            blueprint, _METHODS[at % len(_METHODS)], path, tag="Made up", answers={200: "Nothing."}, grants=_GRANTS
        )
        setattr(module, name, declare(function))
    app.register_blueprint(blueprint)
    return module.__name__.removeprefix("chalicelib.")


def main(folder: Path, area: str) -> None:
    known = catalog.areas()
    package.write(templates(app, chalice_template(), known), folder / "before" / package.TEMPLATE.name)
    added = [add_module(number) for number in range(MODULES)]
    spread = sorted(set(known.values()))
    areas = known | {name: area or spread[number % len(spread)] for number, name in enumerate(added)}
    # They come after the stacks that there are.
    first = 1 + max(LATER_STACKS.values(), default=1)
    made_up = {name: first + number // _IN_A_STACK for number, name in enumerate(added)} if area else {}
    chalice_template.cache_clear()
    package.write(
        templates(app, chalice_template(), areas, LATER_STACKS | made_up), folder / "after" / package.TEMPLATE.name
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:] or [""])

"""The list of the operator's commands, from the click groups themselves."""

from collections.abc import Iterator
from typing import Any

import click

from infra.docs.markdown import code, page, table

_INTRODUCTION = """\
Run each command as `python -m infra.admin COMMAND`. The commands work on the installation that the usual AWS settings
name (`AWS_ENDPOINT_URL`, `AWS_DEFAULT_REGION`, `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_PROFILE`). For a
desk started with `make run`, the demo file has these settings under `admin_env`.

`--help` shows the full help of a command with an example. `--json` prints JSON for scripts. A command that fails exits
with 1, and a command that was called with wrong options exits with 2."""


def render(main: click.Group) -> str:
    """Return the page: one table for each group of commands."""
    parts = [_INTRODUCTION]
    for name, group in sorted(main.commands.items()):
        rows = [
            (code(" ".join((path, *_arguments(command)))), _first_line(command), _options(command))
            for path, command in _walk(name, group)
        ]
        parts.append(f"## {name}\n\n{_first_line(group)}\n\n" + table(("Command", "Effect", "Options"), rows))
    return page("Admin commands", *parts)


def _walk(path: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    if not isinstance(command, click.Group):
        yield path, command
        return
    for name, inner in sorted(command.commands.items()):
        yield from _walk(f"{path} {name}", inner)


def _first_line(command: click.Command) -> str:
    return (command.help or "").partition("\n\n")[0]


def _arguments(command: click.Command) -> list[str]:
    context = click.Context(command)
    return [each.make_metavar(context) for each in command.params if isinstance(each, click.Argument)]


def _options(command: click.Command) -> str:
    return "; ".join(_option(each) for each in command.params if isinstance(each, click.Option))


def _option(option: click.Option) -> str:
    names = "/".join((*option.opts, *option.secondary_opts))
    return f"{code(names)}{' (required)' if option.required else ''}: {_sentence(option.help)}"


def _sentence(text: Any) -> str:
    # Click shows defaults after two spaces; in a table one is enough.
    return " ".join(str(text or "").split()).rstrip(".")

"""Serve Fluxden on your own engines: a desk, or one function of it. `python -m infra.container --help`."""

import sys


def main() -> None:
    """Load what the arguments ask for and nothing else, because one function starts when it is needed."""
    if any(each.partition("=")[0] == "--only" for each in sys.argv[1:]):
        from infra.container import only

        only.main(sys.argv[1:])
        return
    from infra.container import command

    command.main(prog_name="python -m infra.container")


if __name__ == "__main__":
    main()

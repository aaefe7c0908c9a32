"""Write the desk as Knative services: `python -m infra.knative --image registry.example.com/fluxden:1`."""

from pathlib import Path

import click

from infra.knative.manifest import Target, render

OUTPUT = Path(__file__).parents[2] / "build" / "knative.yaml"


@click.command(context_settings={"show_default": True})
@click.option("--image", default="fluxden:latest", help="Image that every service runs.")
@click.option("--host", default="desk.example.com", help="Host of the desk's API and console.")
@click.option("--sockets-host", default="", help="Host of the WebSockets. By default sockets.<host>.")
@click.option("--namespace", default="fluxden", help="Namespace of all objects.")
@click.option("--gateway", default="fluxden", help="Name of the Gateway that the routes belong to.")
def main(image: str, host: str, sockets_host: str, namespace: str, gateway: str) -> None:
    """Write build/knative.yaml from the declarations of the functions."""
    from app import app

    OUTPUT.parent.mkdir(exist_ok=True)
    OUTPUT.write_text(render(app, Target(image, host, namespace, gateway, sockets_host)), encoding="utf-8")
    print(f"{OUTPUT.relative_to(Path.cwd()) if OUTPUT.is_relative_to(Path.cwd()) else OUTPUT}")


if __name__ == "__main__":
    main(prog_name="python -m infra.knative")

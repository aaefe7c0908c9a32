"""What `make package` has built, and the parameters that it takes."""

from dataclasses import dataclass
from pathlib import Path

import click

from infra.target import Target
from infra.template.stacks import Templates


@dataclass(frozen=True)
class Package:
    """What `make package` has built."""

    templates: Templates
    code: Path
    layer: Path

    def check(self, given: dict[str, str]) -> None:
        """Refuse parameters that the templates don't have."""
        if unknown := given.keys() - self.templates.root["Parameters"].keys():
            raise click.ClickException(
                f"Unknown parameter {', '.join(sorted(unknown))}. See docs/reference/settings.md"
            )

    def check_start(self, parameters: dict[str, str]) -> None:
        """Refuse snapshots of functions whose Python has none, which CloudFormation would notice late."""
        if parameters.get("SnapStart") == "yes" and not Target(self.python).has_snapshots:
            raise click.ClickException(
                f"SnapStart needs Python 3.12 or later, and this package is for {self.python}. Package again with "
                "PYTHON_VERSION=3.13, or deploy with SnapStart=no."
            )

    @property
    def python(self) -> str:
        """The version of Python that the functions are built for."""
        layers = (
            each["Properties"]["CompatibleRuntimes"]
            for each in self.templates.list_resources().values()
            if each["Type"] == "AWS::Lambda::LayerVersion"
        )
        return str(next(layers)[0]).removeprefix("python")

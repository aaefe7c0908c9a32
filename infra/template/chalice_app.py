"""What Chalice makes of the app: its functions, and the Swagger document of its routes. Nothing is packaged."""

from pathlib import Path
from typing import Any

from chalice.app import Chalice
from chalice.cli.factory import CLIFactory
from chalice.deploy.appgraph import ApplicationGraphBuilder, DependencyBuilder
from chalice.deploy.deployer import BuildStage, InjectDefaults, SwaggerBuilder
from chalice.deploy.models import DeploymentPackage
from chalice.deploy.swagger import CFNSwaggerGenerator
from chalice.package import SAMTemplateGenerator

_ROOT = Path(__file__).parents[2]
_STAGE = "package"


class _NoPackage:
    """Replaces the build step that makes the zip."""

    def handle(self, _: Any, resource: Any) -> None:
        if isinstance(resource, DeploymentPackage):
            resource.filename = "deployment.zip"


class _Services:
    def service_principal(self, service: str) -> str:
        return f"{service}.amazonaws.com"


def chalice_template(app: Chalice) -> dict[str, Any]:
    """Return the template that `chalice package` makes of the app."""
    config = CLIFactory(str(_ROOT)).create_config_obj(_STAGE, user_provided_params={"chalice_app": app})
    graph = ApplicationGraphBuilder().build(config, _STAGE)
    steps: list[Any] = [InjectDefaults(), _NoPackage(), SwaggerBuilder(CFNSwaggerGenerator())]
    BuildStage(steps).execute(config, DependencyBuilder().build_dependencies(graph))
    services: Any = _Services()
    generator = SAMTemplateGenerator(config, services)
    made: dict[str, Any] = generator.generate(DependencyBuilder().build_dependencies(graph))
    return made

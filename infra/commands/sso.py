"""`sso`: let people sign in with providers of identities (OpenID Connect)."""

import re
from datetime import UTC, datetime
from typing import Any

import click

from chalicelib.settings import settings
from chalicelib.tokens.domain.identity_providers import Provider, SignInRefused
from chalicelib.tokens.gateways.identity_providers import HttpIdentityProviders
from chalicelib.tokens.stores.identity_providers import DynamoIdentityProviders
from infra.commands.output import json_option, print_record, print_records

_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_MOST_PROVIDERS = 10


@click.group()
def sso() -> None:
    """Let people sign in with providers of identities (OpenID Connect)."""


@sso.command(
    epilog="Example: sso add company --name 'Example Ltd' --issuer https://login.example.com --client-id fluxden "
    "--domain example.com"
)
@click.argument("provider_id")
@click.option("--name", required=True, help="What the button says.")
@click.option("--issuer", required=True, help="The provider's issuer, exactly as it calls itself.")
@click.option("--client-id", required=True, help="The id that the provider gave this desk.")
@click.option("--client-secret", envvar="SSO_CLIENT_SECRET", prompt=True, hide_input=True, help="Or SSO_CLIENT_SECRET.")
@click.option("--domain", "domains", multiple=True, help="Only addresses of this domain. Repeat for more.")
@click.option("--create-people", is_flag=True, help="Register who is not an employee yet.")
@click.option("--operator-group", help="Members of this group are operators, and others are not.")
@click.option("--groups-claim", default="groups", show_default=True, help="The claim that lists a person's groups.")
@click.option(
    "--trust-emails",
    is_flag=True,
    help="Take addresses that the provider says nothing about, if only your company can enter addresses there.",
)
@json_option
def add(
    provider_id: str,
    *,
    name: str,
    issuer: str,
    client_id: str,
    client_secret: str,
    domains: tuple[str, ...],
    create_people: bool,
    operator_group: str | None,
    groups_claim: str,
    trust_emails: bool,
    as_json: bool,
) -> None:
    """Add a provider, or replace it.

    What the provider publishes is read first, so that a mistyped issuer is found here. Then register the redirect URI
    that is printed with the provider.
    """
    if not settings().base_url:
        raise click.ClickException("FLUXDEN_BASE_URL is not set, so a provider can't send anybody back.")
    if not _ID.fullmatch(provider_id):
        raise click.ClickException("The id must have 1 to 40 characters of a-z, 0-9 and -.")
    providers = DynamoIdentityProviders()
    others = [each for each in providers.list_providers() if each.provider_id != provider_id]
    if len(others) >= _MOST_PROVIDERS:
        raise click.ClickException(f"A desk has at most {_MOST_PROVIDERS} providers.")
    provider = Provider(
        provider_id,
        name,
        issuer,
        client_id,
        frozenset(each.lower().lstrip("@") for each in domains),
        create_people,
        operator_group,
        groups_claim,
        trust_emails,
    )
    if create_people and not domains:
        raise click.ClickException("--create-people needs --domain, or everybody with an account there is let in.")
    _read(provider)
    providers.save_provider(provider, client_secret)
    print_record(_to_record(provider), as_json=as_json)


@sso.command("list", epilog="Example: sso list --json")
@json_option
def list_(*, as_json: bool) -> None:
    """List the providers. Secrets are not shown."""
    found = DynamoIdentityProviders().list_providers()
    print_records([_to_record(each) for each in found], as_json=as_json, none="No providers.")


@sso.command(epilog="Example: sso check company")
@click.argument("provider_id")
def check(provider_id: str) -> None:
    """Read what a provider publishes, as signing in does."""
    provider = DynamoIdentityProviders().find_provider(provider_id)
    if provider is None:
        raise click.ClickException("There is no such provider. See: sso list")
    _read(provider)
    click.echo(f"{provider.issuer} can be reached.")


@sso.command(epilog="Example: sso remove company")
@click.argument("provider_id")
def remove(provider_id: str) -> None:
    """Remove a provider. Sessions go on, until they end or are ended."""
    if not DynamoIdentityProviders().remove_provider(provider_id):
        raise click.ClickException("There is no such provider. See: sso list")
    click.echo(f"Removed {provider_id}.")


def _read(provider: Provider) -> None:
    try:
        HttpIdentityProviders().discover(provider, now=datetime.now(UTC))
    except SignInRefused as refused:
        raise click.ClickException(f"{provider.issuer}: {refused.detail}") from refused


def _to_record(provider: Provider) -> dict[str, Any]:
    return {
        "id": provider.provider_id,
        "name": provider.name,
        "issuer": provider.issuer,
        "clientId": provider.client_id,
        "domains": sorted(provider.domains),
        "createsPeople": provider.creates_people,
        "operatorGroup": provider.operator_group,
        "trustsEmails": provider.trusts_emails,
        "redirectUri": f"{settings().base_url}/api/v2/sign-in/{provider.provider_id}/callback",
    }

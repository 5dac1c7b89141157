"""Values for the placeholders of an environment; secrets are opened only where they are used."""

from collections.abc import Iterable, Mapping

from tenantry.planning.databases import PASSWORD, facts
from tenantry.planning.environment import DATABASE_URL, constant, names_in
from tenantry.steps.context import StepContext


def values_for(ctx: StepContext, texts: Iterable[str]) -> Mapping[str, str]:
    """NAME → value for every placeholder that these texts use and this tenant has."""
    wanted = {name for text in texts for name in names_in(text)}
    known = {**_tenant(ctx), **_services(ctx), **_database(ctx, wanted), **_secrets(ctx, wanted)}
    return {name: known[name] for name in wanted if name in known}


def _tenant(ctx: StepContext) -> dict[str, str]:
    plan = ctx.blueprint
    primary = plan.primary()
    values = {
        "TENANT_ID": plan.tenant_id,
        "TENANT_NAME": plan.tenant_name,
        "TENANT_SUBDOMAIN": plan.subdomain,
        "BASE_DOMAIN": plan.base_domain,
    }
    if primary and primary.hostname:
        values |= {
            "PRIMARY_HOSTNAME": primary.hostname,
            "PRIMARY_URL": url(ctx, primary.hostname),
        }
    return values


def url(ctx: StepContext, hostname: str) -> str:
    """The public URL of a hostname of this tenant, without a path."""
    return f"{'https' if ctx.blueprint.https else 'http'}://{hostname}"


def _services(ctx: StepContext) -> dict[str, str]:
    values: dict[str, str] = {}
    for spec in ctx.blueprint.services:
        name, facts_of = constant(spec.name), ctx.services.get(spec.name)
        if spec.hostname:
            values |= {
                f"{name}_HOSTNAME": spec.hostname,
                f"{name}_URL": url(ctx, spec.hostname),
            }
        if facts_of and facts_of.app_name:
            # The services of a stack carry its name in front of their own.
            inner = f"_{spec.compose.service}" if spec.compose else ""
            values[f"{name}_INTERNAL_HOST"] = f"{facts_of.app_name}{inner}"
    return values


def _database(ctx: StepContext, wanted: set[str]) -> dict[str, str]:
    spec, outside = ctx.blueprint.database, ctx.blueprint.db_url_secret
    if spec is None:
        # A database outside is known by its URL alone.
        known = outside is not None and DATABASE_URL in wanted
        return {DATABASE_URL: ctx.secret(outside)} if known and outside else {}
    own, kind = ctx.services[spec.service], facts(spec.kind)
    values = {"DATABASE_PORT": str(kind.port)}
    if kind.has_name:
        values["DATABASE_NAME"] = spec.database
    if kind.has_user:
        values["DATABASE_USER"] = spec.user
    if own.app_name:
        values["DATABASE_HOST"] = own.app_name
    if wanted & {DATABASE_URL, "DATABASE_PASSWORD"}:
        password = ctx.secret(f"{spec.service}/{PASSWORD}")
        values["DATABASE_PASSWORD"] = password
        if own.app_name:
            values[DATABASE_URL] = kind.url.format(
                user=spec.user, password=password, host=own.app_name, name=spec.database
            )
    return values


def _secrets(ctx: StepContext, wanted: set[str]) -> dict[str, str]:
    names = {f"SECRET_{constant(name)}": name for name in ctx.blueprint.secrets}
    return {placeholder: ctx.secret(names[placeholder]) for placeholder in wanted & names.keys()}

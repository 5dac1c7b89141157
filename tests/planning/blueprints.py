"""Blueprints for tests: a few by hand, and any number by Hypothesis."""

from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from tenantry.planning.blueprint import (
    SERVICE_TYPES,
    Blueprint,
    DatabaseSpec,
    EnvLayer,
    ServiceSpec,
)
from tenantry.planning.sources import Build, GitSource, ImageSource

GIT = GitSource("https://github.com/acme/app", "main")
IMAGE = ImageSource("acme/app:1.0")
DATABASE = DatabaseSpec("db", "postgres", "postgres:17.6", "t_acme", "t_acme")
APP_TYPES = tuple(kind for kind in SERVICE_TYPES if kind != "db")


def service(name: str, order: int = 1, **more: Any) -> ServiceSpec:
    """A service from a repository with a hostname, unless told otherwise."""
    plain = ServiceSpec(
        name=name,
        service_type="backend",
        order=order,
        rank=0,
        expose_domain=True,
        hostname=f"acme-{name}.example.com",
        git=GIT,
        image=None,
        build=Build(),
        port=3000,
        health_path="/",
        expected_status="200-399",
        health_retries=8,
    )
    return replace(plain, **more)


def blueprint(*services: ServiceSpec, **more: Any) -> Blueprint:
    """A tenant `acme` with these services and no database."""
    ranked = tuple(replace(spec, rank=rank) for rank, spec in enumerate(services))
    plain = Blueprint(
        template_name="Acme DMS",
        template_slug="dms",
        base_domain="example.com",
        tenant_name="Acme",
        subdomain="acme",
        tenant_id="0190a1b2-0000-7000-8000-000000000001",
        target="main",
        server_id=None,
        project_name="dms-acme",
        https=True,
        certificate="letsencrypt",
        services=ranked,
    )
    return replace(plain, **more)


slugs = st.from_regex(r"[a-z][a-z0-9]{0,8}(-[a-z0-9]{1,8}){0,2}", fullmatch=True)
env_layers = st.builds(
    EnvLayer, st.text(max_size=20), st.dictionaries(st.text(max_size=8), st.text(max_size=20))
)


@st.composite
def service_specs(draw: st.DrawFn, name: str, rank: int) -> ServiceSpec:
    """Any service that a product can have."""
    exposed = draw(st.booleans())
    git = draw(st.sampled_from([GIT, None]))
    return service(
        name,
        draw(st.integers(0, 4)),
        service_type=draw(st.sampled_from(APP_TYPES)),
        rank=rank,
        expose_domain=exposed,
        hostname=f"acme-{name}.example.com" if exposed else None,
        git=git,
        image=None if git else IMAGE,
        provision_endpoint=draw(st.sampled_from([None, "setup/"])),
        provision_secret=draw(st.sampled_from([None, "token"])),
        args=tuple(draw(st.lists(st.text(max_size=5), max_size=2))),
        env=tuple(draw(st.lists(env_layers, max_size=2))),
    )


@st.composite
def blueprints(draw: st.DrawFn) -> Blueprint:
    """Any blueprint: 0 to 6 services, with or without a database."""
    names = draw(st.lists(slugs.filter(lambda n: n != "db"), max_size=6, unique=True))
    specs = tuple(draw(service_specs(name, rank)) for rank, name in enumerate(names))
    return replace(
        blueprint(),
        services=specs,
        database=draw(st.sampled_from([DATABASE, None])),
        notify_emails=tuple(draw(st.lists(st.just("a@example.com"), max_size=1))),
        secrets=draw(st.dictionaries(slugs, st.just(""), max_size=2)),
    )

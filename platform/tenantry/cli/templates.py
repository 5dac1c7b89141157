"""`tenantry template`: products."""

from pathlib import Path

import click
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from tenantry.cli.shop import Shop, me, pass_shop
from tenantry.models import ProjectTemplate, Tenant
from tenantry.operations import documents, targets, templates


@click.group()
def template() -> None:
    """Products: describe one once, deploy it for every client."""


@template.command("load")
@click.argument("file", type=click.Path(path_type=Path))
@pass_shop
def load(shop: Shop, file: Path) -> None:
    """Create or change a product from a YAML file."""
    document = documents.read(file)

    def save(session: Session) -> str:
        targets.sync(session, shop.settings.targets)
        saved = templates.save(session, me(), document, shop.desk.secrets)
        return f"{saved.name} ({saved.slug}) is saved"

    click.echo(shop.desk.do(save))


@template.command("list")
@pass_shop
def show(shop: Shop) -> None:
    """Products and how many tenants each has."""
    with shop.desk.reading() as session:
        rows = session.execute(
            select(ProjectTemplate.slug, ProjectTemplate.name, func.count(Tenant.id))
            .outerjoin(
                Tenant,
                (Tenant.project_id == ProjectTemplate.id) & Tenant.deleted_at.is_(None),
            )
            .group_by(ProjectTemplate.id)
            .order_by(ProjectTemplate.slug)
        ).all()
    if not rows:
        click.echo("No product yet. Load one: tenantry template load examples/umami.yaml")
    for slug, name, number in rows:
        click.echo(f"{slug:24} {name:32} {number} tenant{'' if number == 1 else 's'}")

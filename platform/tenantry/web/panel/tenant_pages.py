"""The pages of one tenant: overview, environment, health, log and audit."""

from contextlib import suppress
from typing import Any
from urllib.parse import quote
from uuid import UUID

from flask import redirect, request, url_for

from tenantry.errors import NotFound
from tenantry.models import Tenant
from tenantry.models.base import as_public_id
from tenantry.models.history import STREAMS
from tenantry.operations import effective, environments
from tenantry.watching import reading as watched
from tenantry.web.database import reading
from tenantry.web.door import desk
from tenantry.web.life.standing import standings
from tenantry.web.panel.backups import BackupPages
from tenantry.web.panel.routes import expose
from tenantry.web.people import may, need
from tenantry.web.tenant import logs, page, trail
from tenantry.web.tenant.sparks import sparks

OUTAGES = 30
OBJECTS = {"Tenant": "tenants.page", "Deployment": "deployments.page"}


class TenantPages(BackupPages):
    """Below a tenant's address; for the view of tenants."""

    def tenant_of(self, public_id: UUID) -> Tenant:
        """With its product and services, in one query; also one that has left."""
        return page.whole(reading(), public_id)

    @expose("/<uuid:public_id>")
    def page(self, public_id: UUID) -> Any:
        """State, services with their last checks, addresses, deployments, jobs, drift."""
        session = reading()
        return self.render("tenant.html", **page.facts(session, page.whole(session, public_id)))

    @expose("/<uuid:public_id>/environment")
    def environment(self, public_id: UUID) -> Any:
        """What its services would be given; with a key, that key's history."""
        tenant = self.tenant_of(public_id)
        session = reading()
        key, service = request.args.get("key", ""), request.args.get("service", "")
        versions: list[environments.Version] = []
        secret = True
        if key:
            place = environments.place_of(tenant, service)
            with suppress(NotFound):
                versions = environments.history(session, place, key)
            secret = environments.is_secret(session, place, key)
        return self.render(
            "tenant_environment.html",
            tenant=tenant,
            env=effective.overview(session, desk().secrets, tenant),
            key=key,
            service=service,
            versions=versions,
            secret=secret,
        )

    @expose("/<uuid:public_id>/health")
    def health(self, public_id: UUID) -> Any:
        """Its services' last checks, their uptime in three spans, and outages."""
        session = reading()
        tenant = page.whole(session, public_id)
        ids, conn = [row.id for row in tenant.services], session.connection()
        return self.render(
            "tenant_health.html",
            tenant=tenant,
            services=standings(session, tenant),
            sparks=sparks(session, ids),
            uptimes=watched.uptimes(conn, ids),
            outages=watched.outages(conn, tenant.id, most=OUTAGES),
            scale=[service.target_replicas for service in tenant.services],
        )

    @expose("/<uuid:public_id>/log")
    def log(self, public_id: UUID) -> Any:
        """A search over its deployments' lines, from the newest back."""
        tenant = self.tenant_of(public_id)
        words = request.args.get("q", "")[: logs.LONGEST]
        stream = request.args.get("stream", "")
        found = logs.search(
            reading(),
            tenant,
            words,
            stream if stream in STREAMS else "",
            as_public_id(request.args.get("before", "")),
            debug=may("admin") and request.args.get("debug") == "1",
        )
        return self.render(
            "tenant_log.html",
            tenant=tenant,
            found=found,
            words=words,
            stream=stream,
            streams=STREAMS,
            pieces=logs.pieces,
        )

    @expose("/<uuid:public_id>/audit")
    def audit(self, public_id: UUID) -> Any:
        """What people did to it, the newest first."""
        need("operator")
        tenant = self.tenant_of(public_id)
        asked = request.args.get("before", "")
        before = int(asked[:18]) if asked.isascii() and asked.isdigit() else None
        rows = trail.of_tenant(reading(), tenant, before)
        return self.render(
            "tenant_audit.html",
            tenant=tenant,
            rows=rows[: trail.PAGE],
            older=rows[trail.PAGE - 1].id if len(rows) > trail.PAGE else None,
            newest=before is None,
        )

    @expose("/<uuid:public_id>/dokploy")
    def in_dokploy(self, public_id: UUID) -> Any:
        """Leads to its project on its target, whose address no page holds."""
        need("operator")
        tenant = self.tenant_of(public_id)
        target = desk().settings.target(tenant.target_name)
        if target is None or not tenant.dokploy_project_id:
            raise NotFound("It has no project on a target that is configured")
        return redirect(f"{target.url.rstrip('/')}{_path(tenant)}", 302)


def _path(tenant: Tenant) -> str:
    project = quote(tenant.dokploy_project_id or "", safe="")
    path = f"/dashboard/project/{project}"
    environment = quote(tenant.dokploy_environment_id or "", safe="")
    return f"{path}/environment/{environment}" if environment else path


def url_of_object(object_type: str, object_id: str) -> str | None:
    """Where the page of something that was acted on is; None where it has none of its own."""
    endpoint, public_id = OBJECTS.get(object_type), as_public_id(object_id)
    return url_for(endpoint, public_id=public_id) if endpoint and public_id else None

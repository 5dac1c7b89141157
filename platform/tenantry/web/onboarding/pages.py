"""Pages below the tenants' address on which clients come in."""

from typing import Any

from flask import flash, jsonify, redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from tenantry.errors import Conflict, Invalid, NotFound
from tenantry.journal import Redactor
from tenantry.models import ProjectTemplate
from tenantry.models.base import uuid7
from tenantry.operations import onboarding
from tenantry.operations.onboarding import Client, Rehearsal, RowRefused
from tenantry.planning.catalogue import kind_of
from tenantry.planning.sends import sends
from tenantry.web.database import let_go, reading
from tenantry.web.door import desk
from tenantry.web.forms import refused
from tenantry.web.onboarding.keys import keys_of
from tenantry.web.onboarding.table_pages import TablePages
from tenantry.web.onboarding.typed import STEPS, Typed
from tenantry.web.panel.routes import expose
from tenantry.web.people import need
from tenantry.web.security import actor

BEGIN = ("create", "deploy")


class OnboardingPages(TablePages):
    """For the view of tenants."""

    render: Any

    @expose("/new", methods=("GET", "POST"))
    def new(self) -> Any:
        """
        The wizard: product, names, settings, the exact plan; nothing is written before its end.

        Each page carries what was typed before in hidden fields, so it works without scripts.
        """
        need("operator")
        slug = request.values.get("product", "")
        products = active_products()
        if not slug and len(products) == 1:
            slug = products[0].slug
        template = next((row for row in products if row.slug == slug), None)
        if template is None:
            if slug:
                flash("There is no such product, or it takes no new tenants.", "bad")
            code = 400 if request.method == "POST" else 200
            return self.render("tenant_new.html", products=products, chosen=None, at=""), code
        if request.method == "GET":
            return self._page(template, Typed.read(slug, request.args), "names")
        typed = Typed.read(slug, request.form)
        go = request.form.get("go", "create")
        return self._begin(template, typed, go) if go in BEGIN else self._go(template, typed, go)

    def _go(self, template: ProjectTemplate, typed: Typed, go: str) -> Any:
        """To another page; a later one only where those before it are right."""
        wanted = go if go in STEPS else "names"
        if wanted == "names":
            return self._page(template, typed, "names")
        check_names(template, typed)
        if typed.errors:
            return self._page(template, typed, "names"), refused()
        if wanted == "settings":
            return self._page(template, typed, "settings")
        return self._review(template, typed)

    def _review(self, template: ProjectTemplate, typed: Typed, code: int = 200) -> Any:
        """The plan, made in a transaction that is thrown away."""
        try:
            client = typed.client()
            rehearsal = rehearsed(client)
        except (Conflict, Invalid, NotFound) as trouble:
            at = typed.refused(trouble)
            return self._page(template, typed, "settings" if at == "review" else at), refused()
        return self._page(template, typed, "review", rehearsal), refused(code)

    def _begin(self, template: ProjectTemplate, typed: Typed, go: str) -> Any:
        """Adds it, and deploys it where that was pressed; a second press is the first one's."""
        typed.check_names()
        if typed.errors:
            return self._page(template, typed, "names"), refused()
        if missing := typed.missing():
            for key in missing:
                typed.wrong(f"env.{key}", "Type it here: secret values are not kept between pages.")
            return self._review(template, typed, 400)
        try:
            sent = onboarding.key_of(request.form.get("key", "") or str(uuid7()))
            client, who = typed.client(), actor()
            let_go()
            (done,) = desk().onboard(who, [client], sent, deploy=go == "deploy")
        except RowRefused as row:
            return self._refused(template, typed, row.trouble)
        except (Conflict, Invalid) as trouble:
            return self._refused(template, typed, trouble)
        if done.deployment:
            flash(f"{done.name} is added and being deployed.", "good")
            return redirect(url_for("deployments.page", public_id=done.deployment), 303)
        flash("Added. Nothing is deployed yet: press Deploy when you are ready.", "good")
        return redirect(url_for(".page", public_id=done.tenant), 303)

    def _refused(self, template: ProjectTemplate, typed: Typed, trouble: Conflict | Invalid) -> Any:
        let_go()
        at = typed.refused(trouble)
        return self._page(template, typed, "settings" if at == "review" else at), refused()

    def _page(
        self, template: ProjectTemplate, typed: Typed, at: str, rehearsal: Rehearsal | None = None
    ) -> str:
        form_key = request.form.get("key", "") or str(uuid7())
        keys = keys_of(template) if at == "settings" else []
        secret_keys = [key for key in typed.asked if key not in {row.name for row in keys}]
        return str(
            self.render(
                "tenant_new.html",
                chosen=template,
                products=[],
                typed=typed,
                at=at,
                key=form_key,
                keys=keys,
                secret_keys=secret_keys,
                targets=desk().settings.targets,
                addresses=_addresses(template, typed),
                plan=_plan(rehearsal) if rehearsal else [],
                rehearsal=rehearsal,
            )
        )

    @expose("/new/check")
    def check(self) -> ResponseReturnValue:
        """The hostnames of a subdomain, and who has one of them; for the page's script."""
        need("operator")
        template = product_of(request.args.get("product", ""))
        if template is None:
            return jsonify(free=False, problem="Choose a product first.", addresses=[])
        try:
            found = onboarding.addresses(
                reading(), template, request.args.get("subdomain", "")[:100].strip().lower()
            )
        except Invalid as trouble:
            return jsonify(free=False, problem=_said(trouble.rule), addresses=[])
        owner = next((one.owner for one in found if one.owner), None)
        return jsonify(
            free=owner is None,
            problem=f"{owner.name} has it already." if owner else "",
            url=url_for(".page", public_id=owner.public_id) if owner else "",
            addresses=[
                {
                    "service": one.service,
                    "hostname": one.hostname if one.service else "",
                    "owner": one.owner.name if one.owner else "",
                }
                for one in found
            ],
        )


def active_products() -> list[ProjectTemplate]:
    """Those that take tenants, by name."""
    return list(
        reading().scalars(
            select(ProjectTemplate).where(ProjectTemplate.active).order_by(ProjectTemplate.name)
        )
    )


def product_of(slug: str) -> ProjectTemplate | None:
    """An active product by slug."""
    return reading().scalar(
        select(ProjectTemplate).where(ProjectTemplate.slug == slug, ProjectTemplate.active)
    )


def rehearsed(client: Client) -> Rehearsal:
    """What adding and deploying it would do; nothing is left of it."""
    who = actor()
    let_go()
    return desk().rehearse(lambda s: onboarding.rehearse(s, who, desk().secrets, client))


def check_names(template: ProjectTemplate, typed: Typed) -> None:
    """Names that are there, and addresses that are free."""
    typed.check_names()
    if typed.errors:
        return
    subdomain = typed.values["subdomain"].strip().lower()
    try:
        found = onboarding.addresses(reading(), template, subdomain)
    except Invalid as trouble:
        typed.wrong("subdomain", trouble.rule)
        return
    for one in found:
        if one.owner is not None:
            typed.wrong("subdomain", f"{one.hostname} belongs to another tenant: {one.owner.name}")
            return


def _addresses(template: ProjectTemplate, typed: Typed) -> list[onboarding.Address]:
    subdomain = typed.values.get("subdomain", "").strip().lower()
    try:
        return onboarding.addresses(reading(), template, subdomain) if subdomain else []
    except Invalid:
        return []


def _plan(rehearsal: Rehearsal) -> list[dict[str, Any]]:
    """Each step with what it will send."""
    redact = Redactor().redact
    return [
        {
            "title": step.title,
            "service": step.service,
            "key": step.key,
            "sends": [
                (what, redact(value))
                for what, value in sends(rehearsal.blueprint, step.key, step.service)
            ],
            "says": kind.help if (kind := kind_of(step.key)) else "",
            "gates": kind is None or kind.gates,
            "env": rehearsal.env.get(step.service or "", ()) if _sets_env(step.key) else (),
        }
        for step in rehearsal.steps
    ]


def _sets_env(key: str) -> bool:
    return key.endswith(".env_set")


def _said(rule: str) -> str:
    return f"{rule[:1].upper()}{rule[1:]}."

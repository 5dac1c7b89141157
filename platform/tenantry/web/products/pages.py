"""Pages of the editor: cards, the same as text, what saving would touch, and releases compared."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from flask import flash, redirect, request, url_for

from tenantry.errors import Conflict, Invalid, NotFound
from tenantry.models import ProjectTemplate
from tenantry.operations import documents, product_changes
from tenantry.planning.databases import FACTS
from tenantry.web.database import let_go, reading
from tenantry.web.door import desk
from tenantry.web.forms import ProductForm, beside, refused
from tenantry.web.onboarding.keys import described
from tenantry.web.panel.routes import expose
from tenantry.web.people import need
from tenantry.web.products.documents_of import digest, filled, full, save, seal, text_of, unseal
from tenantry.web.products.draft import Draft, empty, mask, of_document, of_form, unmask
from tenantry.web.products.starter import STARTER
from tenantry.web.security import actor
from tenantry.web.words import database

NEW = "new"


@dataclass(frozen=True, slots=True)
class Edited:
    """Which product is edited (None for a new one), and what its editor began with."""

    row: ProjectTemplate | None
    slug: str | None
    place: str
    text: str
    seen: str

    @property
    def stale(self) -> bool:
        """Whether somebody else has saved it since."""
        return self.row is not None and self.seen != digest(self.text)


class ProductPages:
    """For the view of products; admins alone."""

    render: Any
    get_one: Any
    get_url: Any

    @expose("/new", methods=("GET", "POST"))
    def new(self) -> Any:
        """A product from cards."""
        return self._cards(_edited(None))

    @expose("/<uuid:public_id>/edit", methods=("GET", "POST"))
    def edit(self, public_id: UUID) -> Any:
        """A product as cards; nothing is saved before what it would touch was shown."""
        return self._cards(_edited(self._product(public_id)))

    @expose("/new/text", methods=("GET", "POST"))
    def new_text(self) -> Any:
        """A product from a document."""
        return self._document(_edited(None))

    @expose("/<uuid:public_id>/text", methods=("GET", "POST"))
    def edit_text(self, public_id: UUID) -> Any:
        """The same product as a document."""
        return self._document(_edited(self._product(public_id)))

    def _product(self, public_id: UUID) -> ProjectTemplate:
        need("admin")
        found: ProjectTemplate | None = self.get_one(public_id)
        if found is None:
            raise NotFound("There is no such product")
        return found

    def _cards(self, edited: Edited) -> Any:
        need("admin")
        if request.method == "GET":
            return self._form(edited, of_document(full(edited.text)) if edited.row else empty())
        do = request.form.get("do", "check")
        if do in {"save", "back"}:
            return self._sealed(edited, do)
        draft = of_form(request.form)
        if draft.act(do):
            return self._form(edited, draft)
        if do == "rebase":
            edited = _edited(edited.row, digest(edited.text))
        document = draft.document()
        if draft.errors:
            return self._form(edited, draft), refused()
        if do == "values":
            return self._values(edited, draft, document)
        return self._check(edited, document, draft)

    def _check(self, edited: Edited, document: dict[str, Any], draft: Draft | None) -> Any:
        """What saving would touch; nothing is written. None of cards means that text was sent."""
        try:
            unmask(document, full(edited.text) if edited.row else None)
            change, row = rehearsed(edited, document), edited.row
        except (Conflict, Invalid) as trouble:
            return self._refused(edited, trouble, draft)
        session = reading()
        return self.render(
            "product_check.html",
            product=row,
            change=change,
            sealed=seal(document, edited.seen, edited.place),
            text=draft is None,
            running=product_changes.running(session, row.id) if row else [],
            touched=product_changes.touched(session, row.id) if row else [],
        )

    def _refused(self, edited: Edited, trouble: Conflict | Invalid, draft: Draft | None) -> Any:
        let_go()
        code = 409 if isinstance(trouble, Conflict) else 400
        if draft is None:
            form = ProductForm()
            if isinstance(trouble, Invalid):
                beside(form, trouble.field, str(trouble))
            return self._text(edited, form), code
        if isinstance(trouble, Invalid):
            draft.refused(trouble)
        elif not edited.stale:
            draft.wrong("", str(trouble))
        return self._form(edited, draft), refused(code)

    def _sealed(self, edited: Edited, do: str) -> Any:
        """The last press: exactly what was shown is saved, once; or back to the cards."""
        document, seen = unseal(request.form.get("sealed", ""), edited.place)
        edited = _edited(edited.row, seen)
        if do == "back":
            return self._form(edited, of_document(filled(document)))
        who, slug = actor(), edited.slug
        let_go()

        def act(session: Any) -> tuple[str, UUID, int]:
            made = save(session, who, document, slug, seen)
            return made.name, made.public_id, product_changes.newest_number(session, made)

        try:
            name, public_id, number = desk().do(act)
        except (Conflict, Invalid) as trouble:
            again = _edited(edited.row, seen)
            return self._refused(again, trouble, of_document(filled(document)))
        flash(
            f"{name} is saved, release {number}. Tenants follow at their next deployment.", "good"
        )
        return redirect(url_for("products.details_view", id=public_id), 303)

    def _values(self, edited: Edited, draft: Draft, document: dict[str, Any]) -> Any:
        """What the services of one tenant would be given, under what stands in the form."""
        who, tenant = actor(), request.form.get("of_tenant", "")
        try:
            unmask(document, full(edited.text) if edited.row else None)
            document["slug"] = edited.slug or document.get("slug")
            let_go()
            values = desk().rehearse(
                lambda s: product_changes.values_of(s, who, desk().secrets, document, tenant)
            )
        except (Conflict, Invalid) as trouble:
            return self._refused(edited, trouble, draft)
        return self._form(edited, draft, values)

    def _form(self, edited: Edited, draft: Draft, values: Any = None) -> str:
        session, row = reading(), edited.row
        return str(
            self.render(
                "product_form.html",
                product=row,
                draft=draft,
                seen=edited.seen,
                stale=edited.stale,
                newest=product_changes.newest_number(session, row) if row else 0,
                names=described(draft.names()),
                kinds=[
                    (kind, f"{database(kind)} ({facts.image})") for kind, facts in FACTS.items()
                ],
                targets=desk().settings.targets,
                tenants=product_changes.touched(session, row.id) if row else [],
                values=values,
            )
        )

    def _document(self, edited: Edited) -> Any:
        need("admin")
        form = ProductForm()
        if not form.is_submitted():
            shown = documents.dump(mask(documents.parse(edited.text))) if edited.row else STARTER
            form.document.data = shown
            return self._text(edited, form)
        if request.form.get("do") in {"save", "back"}:
            return self._sealed(edited, request.form["do"])
        if not form.validate():
            return self._text(edited, form), 400
        try:
            document = documents.parse(form.document.data)
            if edited.slug and isinstance(document, dict):
                document.setdefault("slug", edited.slug)
            full(form.document.data)
        except Invalid as trouble:
            beside(form, trouble.field, str(trouble))
            return self._text(edited, form), 400
        return self._check(edited, document, None)

    def _text(self, edited: Edited, form: ProductForm) -> str:
        if edited.stale:
            flash("Somebody saved this product while you wrote. Reload to see it.", "bad")
        return str(
            self.render("product_editor.html", form=form, product=edited.row, seen=edited.seen)
        )

    @expose("/<uuid:public_id>/releases/<int:number>")
    def release(self, public_id: UUID, number: int) -> Any:
        """What a release changed, against the one before or another; and who runs it."""
        row = self.get_one(public_id)
        if row is None:
            raise NotFound("There is no such product")
        session = reading()
        against = request.args.get("against", type=int)
        older = number - 1 if against is None else against
        release, changes = product_changes.between(session, row.id, max(older, 0), number)
        return self.render(
            "product_release.html",
            product=row,
            release=release,
            older=max(older, 0),
            changes=changes,
            releases=product_changes.releases(session, row.id, 100),
            running=product_changes.running(session, row.id),
            touched=product_changes.touched(session, row.id, number),
        )


def _edited(row: ProjectTemplate | None, seen: str | None = None) -> Edited:
    need("admin")
    if row is None:
        return Edited(None, None, NEW, "", "")
    text = text_of(reading(), row)
    began = seen if seen is not None else request.form.get("seen", "") or digest(text)
    return Edited(row, row.slug, str(row.public_id), text, began)


def rehearsed(edited: Edited, document: dict[str, Any]) -> product_changes.Draft:
    """What saving it would change; nothing is left of it."""
    who, slug, seen = actor(), edited.slug, edited.seen
    let_go()

    def act(session: Any) -> product_changes.Draft:
        return product_changes.draft(
            session, slug, lambda: save(session, who, document, slug, seen)
        )

    return desk().rehearse(act)

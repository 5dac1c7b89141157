"""The page on which a whole table of clients comes in."""

from hashlib import blake2b
from typing import Any

from flask import Response, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from tenantry.errors import Conflict, Invalid
from tenantry.models import ProjectTemplate
from tenantry.models.base import as_public_id, uuid7
from tenantry.operations import onboarding
from tenantry.operations.onboarding import Client, RowRefused
from tenantry.web.database import let_go, reading
from tenantry.web.deeds import told
from tenantry.web.door import desk
from tenantry.web.onboarding.judging import judge
from tenantry.web.onboarding.table import MOST_CHARACTERS, MOST_ROWS, Table, read, sample, text_of
from tenantry.web.panel.routes import expose
from tenantry.web.people import need
from tenantry.web.security import actor
from tenantry.web.words import plural

NOT_ALL = "Nothing was added, since not all can be deployed now; all can be created only."
BEGIN = ("create", "deploy")


class TablePages:
    """For the view of tenants: check a table, mend it, add all of it or nothing."""

    render: Any

    @expose("/new/table", methods=("GET", "POST"))
    def from_table(self) -> Any:
        """Each row is checked and shown with its errors; a table without any can be added."""
        need("operator")
        product = request.values.get("product", "")
        if request.method == "GET":
            return self._table(product, "")
        try:
            text = typed_table()
            table = read(text, product)
        except Invalid as trouble:
            return self._table(product, request.form.get("table", ""), problem=_said(trouble)), 400
        go = request.form.get("go", "check")
        if go in BEGIN and self._was_added(table):
            # A second press: its rows are taken by what the first one added.
            return self._add_all(product, text, table, deploy=go == "deploy")
        judge(reading(), table.rows)
        if go in BEGIN and not table.wrong and request.form.get("seen") != mark(product, text):
            flash("This is what the table says now. Press the button again to add it.", "info")
            go = "check"
        if table.wrong or go not in BEGIN:
            code = 400 if table.wrong and go in BEGIN else 200
            return self._table(product, text, table), code
        return self._add_all(product, text, table, deploy=go == "deploy")

    def _was_added(self, table: Table) -> bool:
        key = as_public_id(request.form.get("key", ""))
        return key is not None and onboarding.was_added(reading(), key, len(table.rows))

    def _add_all(self, product: str, text: str, table: Table, *, deploy: bool) -> Any:
        clients = [Client(row.product, row.document()) for row in table.rows]
        try:
            key = onboarding.key_of(request.form.get("key", "") or str(uuid7()))
            who = actor()
            let_go()
            done = desk().onboard(who, clients, key, deploy=deploy)
        except RowRefused as refused:
            row = table.rows[refused.place]
            if refused.deploying:
                flash(f"{NOT_ALL} Line {row.number}: {refused.trouble}.", "bad")
            else:
                row.errors.append(str(refused.trouble))
            return self._table(product, text, table), 409
        except (Conflict, Invalid) as trouble:
            flash(told(trouble), "bad")
            return self._table(product, text, table), 400
        number = plural(len(done), "tenant")
        if deploy:
            flash(f"{number} added and being deployed.", "good")
            return redirect(url_for("deployments.index_view"), 303)
        flash(f"{number} added. Nothing is deployed yet.", "good")
        return redirect(url_for(".index_view"), 303)

    def _table(self, product: str, text: str, table: Table | None = None, problem: str = "") -> str:
        products = reading().execute(
            select(ProjectTemplate.slug, ProjectTemplate.name)
            .where(ProjectTemplate.active)
            .order_by(ProjectTemplate.name)
        )
        return str(
            self.render(
                "tenant_table.html",
                products=products.all(),
                product=product,
                text=text,
                table=table,
                problem=problem,
                seen=mark(product, text) if table else "",
                key=request.form.get("key", "") or str(uuid7()),
                most_rows=MOST_ROWS,
                most_kilobytes=MOST_CHARACTERS // 1000,
            )
        )

    @expose("/new/table/sample.csv")
    def table_sample(self) -> ResponseReturnValue:
        """A table to begin with, for a product."""
        need("operator")
        session = reading()
        slugs = list(
            session.scalars(
                select(ProjectTemplate.slug)
                .where(ProjectTemplate.active)
                .order_by(ProjectTemplate.name)
            )
        )
        asked = request.args.get("product", "")
        slug = asked if asked in slugs else next(iter(slugs), "my-product")
        return Response(
            sample(slug),
            content_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": "attachment; filename=clients.csv"},
        )


def mark(product: str, text: str) -> str:
    """Of what was shown: another text is shown before it is added."""
    plain = text.replace("\r\n", "\n").strip()
    return blake2b(f"{product}\n{plain}".encode(), digest_size=8).hexdigest()


def typed_table() -> str:
    """The uploaded file where there is one, else the text; Invalid where it is no text."""
    file = request.files.get("file")
    if file is not None and file.filename:
        raw = file.stream.read(MOST_CHARACTERS * 4 + 1)
        if len(raw) > MOST_CHARACTERS * 4:
            raise Invalid("table", f"must have at most {MOST_CHARACTERS:,} characters")
        return text_of(raw)
    return request.form.get("table", "").replace("\r\n", "\n")


def _said(trouble: Invalid) -> str:
    words = trouble.rule if trouble.field == "table" else f"{trouble.field} {trouble.rule}"
    return f"The table {words}." if trouble.field == "table" else f"{words[:1].upper()}{words[1:]}."

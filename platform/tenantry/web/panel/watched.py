"""Records of watching and of environments: what is watched, what was down, letters, keys."""

from typing import Any, ClassVar

from markupsafe import Markup
from sqlalchemy import select

from tenantry.models import (
    EnvVar,
    HostnameWatch,
    LetterOutbox,
    ServiceWatch,
    Tenant,
    TenantDomain,
    TenantService,
)
from tenantry.models.watching import WATCH_KINDS
from tenantry.planning.watching import CERTIFICATE_STATES, DNS_STATES, WATCH_STATES
from tenantry.web.database import db
from tenantry.web.panel import formats
from tenantry.web.panel.base import PlainRows, one_of, yes_no
from tenantry.web.panel.steps import LABELS
from tenantry.web.words import duration, moment


def _names(rows: list[Any], table: Any, column: str, name: str, attribute: str) -> None:
    """Sets the name of what a column refers to, in one query."""
    wanted = {value for row in rows if (value := getattr(row, column)) is not None}
    labelled = getattr(table, attribute).label("name")
    found = {
        row.id: row.name
        for row in db.session.execute(select(table.id, labelled).where(table.id.in_(wanted)))
    }
    for row in rows:
        setattr(row, name, found.get(getattr(row, column), ""))


def _tenants(rows: list[Any]) -> None:
    _names(rows, Tenant, "tenant_id", "tenant_name", "name")


class OutageView(PlainRows):
    """Times in which services were down."""

    icon = "heart-pulse"
    about = "Times in which a service was down, from its first failed check to the first good one."
    empty = "Nothing was ever down."
    column_list = (
        "started_at",
        "tenant_name",
        "service_name",
        "lasted",
        "ended_at",
        "ending",
        "problem",
    )
    column_export_list = column_list
    column_labels = LABELS | {"started_at": "Since", "ended_at": "Until"}
    column_sortable_list = ("started_at", "ended_at")
    column_default_sort = ("id", True)
    column_searchable_list = ("service_name", "problem")
    column_formatters: ClassVar[dict[str, Any]] = {
        "ended_at": lambda _v, _c, row, _n: (
            formats.badge("down") if row.ended_at is None else moment(row.ended_at)
        ),
        "ending": formats.words,
        "problem": formats.clipped,
    }
    narrow = ("started_at", "tenant_name", "lasted")

    def around(self, rows: list[Any]) -> None:
        """Whose it is, and how long it lasted; one that goes on has no length yet."""
        _tenants(rows)
        for row in rows:
            ended = row.ended_at
            row.lasted = duration((ended - row.started_at).total_seconds() if ended else None)


class WatchView(PlainRows):
    """Services that are watched."""

    icon = "eye"
    about = "Services that are watched: how they answered last, and when they are asked next."
    column_list = (
        "tenant_name",
        "service",
        "state",
        "state_since",
        "latency_ms",
        "probed_at",
        "next_due_at",
        "paused",
        "detail",
    )
    column_export_list = (*column_list, "kind", "url", "http_status", "failures")
    column_labels = LABELS | {
        "state_since": "Since",
        "latency_ms": "Took",
        "probed_at": "Asked",
        "next_due_at": "Next",
    }
    column_sortable_list = ("state", "state_since", "probed_at", "next_due_at", "latency_ms")
    column_default_sort = ("id", True)
    column_filters = (
        one_of(ServiceWatch.state, "State", WATCH_STATES),
        one_of(ServiceWatch.kind, "How", WATCH_KINDS),
        yes_no(ServiceWatch.paused, "Paused"),
    )
    column_formatters: ClassVar[dict[str, Any]] = {
        "state": formats.state("service"),
        "latency_ms": lambda _v, _c, row, _n: (
            None if row.latency_ms is None else Markup("{} ms").format(row.latency_ms)
        ),
        "state_since": formats.ago,
        "probed_at": formats.ago,
        "next_due_at": formats.ago,
        "detail": formats.clipped,
    }
    narrow = ("tenant_name", "service", "state")

    def around(self, rows: list[Any]) -> None:
        """Which service of whom."""
        _tenants(rows)
        _names(rows, TenantService, "tenant_service_id", "service", "name")


class HostnameWatchView(PlainRows):
    """Hostnames that are watched."""

    icon = "globe"
    about = "Where hostnames point to, and until when their certificates hold."
    column_list = (
        "hostname",
        "tenant_name",
        "dns_state",
        "dns_detail",
        "certificate_state",
        "certificate_until",
        "checked_at",
    )
    column_export_list = (*column_list, "addresses", "certificate_issuer", "paused")
    column_labels = LABELS | {
        "dns_state": "DNS",
        "dns_detail": "What was seen",
        "certificate_state": "Certificate",
        "certificate_until": "Holds until",
        "checked_at": "Checked",
    }
    column_sortable_list = ("dns_state", "certificate_state", "certificate_until", "checked_at")
    column_default_sort = ("id", True)
    column_filters = (
        one_of(HostnameWatch.dns_state, "DNS", DNS_STATES),
        one_of(HostnameWatch.certificate_state, "Certificate", CERTIFICATE_STATES),
        yes_no(HostnameWatch.paused, "Paused"),
    )
    column_formatters: ClassVar[dict[str, Any]] = {
        "hostname": formats.mono,
        "dns_state": formats.state(),
        "certificate_state": formats.state(),
        "dns_detail": formats.clipped,
        "checked_at": formats.ago,
    }
    narrow = ("hostname", "dns_state")

    def around(self, rows: list[Any]) -> None:
        """Which name of whom."""
        _tenants(rows)
        _names(rows, TenantDomain, "tenant_domain_id", "hostname", "hostname")


class LetterView(PlainRows):
    """Letters that went out, or wait; never their text."""

    role = "operator"
    simple_list_pager = True
    icon = "mail"
    about = "Letters of watching: what was sent, what waits, and what was given up. Not their text."
    empty = "No letter yet."
    column_list = (
        "created_at",
        "tenant_name",
        "subject",
        "to",
        "attempts",
        "sent_at",
        "given_up_at",
        "problem",
    )
    column_export_list = column_list
    column_labels = LABELS | {"created_at": "Written", "sent_at": "Sent", "given_up_at": "Given up"}
    column_sortable_list = ("created_at", "sent_at", "given_up_at", "attempts")
    column_default_sort = ("id", True)
    column_searchable_list = ("subject", "problem")
    column_filters = (formats.EmptyFilter(LetterOutbox.sent_at, "Sent"),)
    column_formatters: ClassVar[dict[str, Any]] = {
        "created_at": formats.ago,
        "sent_at": formats.ago,
        "given_up_at": formats.ago,
        "subject": formats.clipped,
        "problem": formats.clipped,
    }
    narrow = ("created_at", "subject")

    def get_query(self) -> Any:
        """Without the texts: what is not loaded cannot be shown."""
        kept = (db.defer(column) for column in (LetterOutbox.text, LetterOutbox.html))
        return super().get_query().options(*kept)

    def around(self, rows: list[Any]) -> None:
        """About whom, and to how many."""
        _tenants(rows)
        for row in rows:
            row.to = len(row.recipients or ())


class KeyView(PlainRows):
    """Keys of environments; never their values."""

    role = "operator"
    icon = "braces"
    about = "Keys that staff have set for a tenant or one of its services. Never their values."
    empty = "No tenant has values of its own."
    column_list = ("key", "tenant_name", "service", "secret", "current", "updated_at", "removed_at")
    column_export_list = column_list
    column_labels = LABELS | {"current": "Version", "updated_at": "Set", "removed_at": "Unset"}
    column_sortable_list = ("key", "secret", "updated_at", "removed_at")
    column_default_sort = ("id", True)
    column_searchable_list = ("key",)
    column_filters = (yes_no(EnvVar.secret, "Secret"),)
    column_formatters: ClassVar[dict[str, Any]] = {
        "key": formats.mono,
        "updated_at": formats.ago,
        "removed_at": formats.ago,
    }
    narrow = ("key", "tenant_name")

    def around(self, rows: list[Any]) -> None:
        """Whose they are."""
        _tenants(rows)
        _names(rows, TenantService, "tenant_service_id", "service", "name")


class VersionView(PlainRows):
    """Versions of values: who set one and when; never what."""

    role = "operator"
    simple_list_pager = True
    icon = "history"
    about = "Each time that a value was set, and by whom. Never what was set."
    empty = "No tenant has values of its own."
    column_list = ("created_at", "key", "tenant_name", "number", "actor")
    column_export_list = column_list
    column_labels = LABELS | {"created_at": "Set", "number": "Version", "actor": "Who"}
    column_sortable_list = ("created_at", "actor")
    column_default_sort = ("id", True)
    column_searchable_list = ("actor",)
    column_formatters: ClassVar[dict[str, Any]] = {"key": formats.mono, "created_at": formats.ago}
    narrow = ("created_at", "key", "tenant_name")

    def get_query(self) -> Any:
        """Without the sealed value."""
        return super().get_query().options(db.defer(self.model.encrypted_value, raiseload=True))

    def around(self, rows: list[Any]) -> None:
        """Which key of whom, in one query."""
        found = {
            row.id: row
            for row in db.session.execute(
                select(EnvVar.id, EnvVar.key, Tenant.name)
                .join(Tenant, Tenant.id == EnvVar.tenant_id)
                .where(EnvVar.id.in_({row.env_var_id for row in rows}))
            )
        }
        for row in rows:
            var = found.get(row.env_var_id)
            row.key, row.tenant_name = (var.key, var.name) if var else ("", "")

"""A product while it is edited: text by field, cards in order, errors beside their fields."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from werkzeug.datastructures import MultiDict

from tenantry.errors import Invalid
from tenantry.planning.databases import OUTSIDE
from tenantry.planning.environment import MASK, known_names, speaks_of_secret
from tenantry.planning.naming import SLUG
from tenantry.web.products.fields import (
    MOST_SERVICES,
    OF_SOURCE,
    PRODUCT,
    SERVICE,
    SOURCES,
    Unreadable,
    to_text,
    to_value,
)

PLACE = re.compile(r"services\[(\d+)\]\.?(.*)")
LONGEST = 100_000
DATABASE_FIELDS = ("database", "db_type", "db_image", "db_url_secret")
# Its file says these itself.
SAID_BY_COMPOSE = frozenset({"replicas", "limits.cpu_cores", "limits.memory_mb", "volumes"})
NEW_SERVICE: Mapping[str, str] = {
    "service_type": "backend",
    "source": "git",
    "order": "1",
    "repo_branch": "main",
    "port": "3000",
    "expose_domain": "1",
    "health_path": "/",
    "expected_status": "200-399",
    "health_retries": "8",
    "replicas": "1",
    "build_config.type": "nixpacks",
    "build_config.dockerfile": "Dockerfile",
    "build_config.build_path": "/",
}
FIRST: Mapping[str, str] = {
    "database": "own",
    "db_type": "postgres",
    "https": "1",
    "certificate": "letsencrypt",
    "target": "main",
    "active": "1",
}


@dataclass(slots=True)
class Draft:
    """`product` and each of `services` are text by field name; `errors` are by the form's names."""

    product: dict[str, str]
    services: list[dict[str, str]]
    errors: dict[str, list[str]] = field(default_factory=dict)

    def wrong(self, name: str, words: str) -> None:
        """One more rule that a field breaks."""
        found = self.errors.setdefault(name, [])
        words = words[:1].upper() + words[1:]
        if words not in found:
            found.append(words)

    def document(self) -> dict[str, Any]:
        """As it is saved; what cannot be read is told beside its field."""
        made: dict[str, Any] = {"version": 1}
        self._read(PRODUCT, self.product, made, "")
        self._database(made)
        made["services"] = []
        for place, texts in enumerate(self.services):
            service: dict[str, Any] = {}
            source = texts.get("source", "git")
            others = {name for kind in SOURCES if kind != source for name in OF_SOURCE[kind]}
            if source == "compose":
                others |= SAID_BY_COMPOSE
            kept = [one for one in SERVICE if one.path not in others]
            self._read(kept, texts, service, f"s{place}.")
            limits = service.get("limits", {})
            service["limits"] = {name: value for name, value in limits.items() if value is not None}
            if source != "git":
                # How something is built is kept for a repository alone; arguments are for all.
                args = service["build_config"].get("args", [])
                service["build_config"] = {"args": args}
            made["services"].append(service)
        return made

    def _read(
        self, fields: Sequence[Any], texts: Mapping[str, str], made: dict[str, Any], at: str
    ) -> None:
        for one in fields:
            try:
                value = to_value(one, texts.get(one.path, ""))
            except Unreadable as trouble:
                self.wrong(f"{at}{one.path}", str(trouble))
                continue
            head, dot, tail = one.path.partition(".")
            if dot:
                made.setdefault(head, {})[tail] = value
            else:
                made[head] = value

    def _database(self, made: dict[str, Any]) -> None:
        """The two questions: does it need one, and which."""
        answer = self.product.get("database", "no")
        made["db_required"] = answer == "own"
        kind = self.product.get("db_type") or "postgres"
        made["db_type"] = OUTSIDE if answer == "outside" else kind
        if answer == "own":
            made["db_image"] = self.product.get("db_image", "").strip()
        if answer == "outside":
            name = self.product.get("db_url_secret", "").strip()
            made["db_url_secret"] = name or None
            if name and name not in made["secrets"]:
                made["secrets"] = [*made["secrets"], name]
            if not name:
                self.wrong("db_url_secret", "Name the secret that holds its URL.")

    def refused(self, trouble: Invalid) -> None:
        """What saving refused, beside its field."""
        match = PLACE.fullmatch(trouble.field)
        if match is None:
            self._refused("", trouble.field, trouble.rule)
        else:
            self._refused(f"s{match[1]}.", match[2], trouble.rule)

    def _refused(self, at: str, path: str, rule: str) -> None:
        head, _, tail = path.partition(".")
        if head in {"env", "default_env"} and tail:
            self.wrong(f"{at}{head}", f"{tail} {rule}")
        elif head.partition("[")[0] == "volumes":
            self.wrong(f"{at}volumes", f"{tail or ''} {rule}".strip())
        elif head == "db_required":
            self.wrong("database", rule)
        else:
            names = {one.path for one in (SERVICE if at else PRODUCT)} | set(DATABASE_FIELDS)
            known = path if path in names else head if head in names else ""
            self.wrong(f"{at}{known}" if known or at else "", rule if known else f"{path} {rule}")

    def names(self) -> frozenset[str]:
        """Placeholders that its values may use as it stands now."""
        services = [s for s in self.services if SLUG.fullmatch(s.get("name", ""))]
        secrets = [line.strip() for line in self.product.get("secrets", "").split("\n")]
        answer = self.product.get("database", "no")
        return known_names(
            [s["name"] for s in services],
            [name for name in secrets if name],
            database=answer == "own",
            kind=self.product.get("db_type"),
            exposed=[s["name"] for s in services if s.get("expose_domain")],
            outside=answer == "outside",
        )

    # Cards

    def act(self, deed: str) -> bool:
        """Adds, removes or moves a card: `add`, `remove:1`, `up:1`, `down:1`; False for others."""
        what, _, number = deed.partition(":")
        if what == "add":
            if len(self.services) < MOST_SERVICES:
                self.services.append(dict(NEW_SERVICE, order=str(self._last_order() + 1)))
            return True
        if what not in {"remove", "up", "down"} or not number.isdigit():
            return False
        place = int(number)
        if place >= len(self.services):
            return False
        if what == "remove":
            del self.services[place]
        else:
            self._swap(place - 1 if what == "up" else place)
        return True

    def _last_order(self) -> int:
        return max((_whole(s.get("order", "")) for s in self.services), default=0)

    def _swap(self, place: int) -> None:
        """The card at this place and the next change places, and with them their turns."""
        if not 0 <= place < len(self.services) - 1:
            return
        first, second = self.services[place], self.services[place + 1]
        self.services[place], self.services[place + 1] = second, first
        if first.get("order") != second.get("order"):
            first["order"], second["order"] = second.get("order", "1"), first.get("order", "1")
            return
        # Those of one turn start together: whoever moves behind gets a turn of its own.
        for later in self.services[place + 1 :]:
            later["order"] = str(_whole(later.get("order", "")) + 1)


def _whole(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() else 1


def empty() -> Draft:
    """A new product with one service."""
    return Draft(dict(FIRST), [dict(NEW_SERVICE)])


def of_form(form: MultiDict[str, str]) -> Draft:
    """What was typed; what is longer than any rule allows is cut and refused by it."""
    names = [*(one.path for one in PRODUCT), *DATABASE_FIELDS]
    product = {name: form.get(name, "")[:LONGEST] for name in names}
    count = form.get("count", "0")
    number = min(int(count), MOST_SERVICES) if count.isascii() and count.isdigit() else 0
    fields = ["source", *(one.path for one in SERVICE)]
    services = [
        {name: form.get(f"s{place}.{name}", "")[:LONGEST] for name in fields}
        for place in range(number)
    ]
    return Draft(product, services)


def of_document(document: Mapping[str, Any]) -> Draft:
    """A whole document, with every default filled in, as text."""
    product = {one.path: to_text(one, document.get(one.path)) for one in PRODUCT}
    kind = document["db_type"]
    outside = bool(document.get("db_url_secret"))
    product |= {
        "database": "outside" if outside else "own" if document["db_required"] else "no",
        "db_type": "postgres" if kind == OUTSIDE else kind,
        "db_image": document.get("db_image") or "",
        "db_url_secret": document.get("db_url_secret") or "",
    }
    return Draft(product, [_service(item) for item in document["services"]])


def _service(item: Mapping[str, Any]) -> dict[str, str]:
    texts = {}
    for one in SERVICE:
        head, dot, tail = one.path.partition(".")
        value = (item.get(head) or {}).get(tail) if dot else item.get(head)
        texts[one.path] = to_text(one, value)
    texts["source"] = "image" if item.get("image") else "git"
    if item.get("compose_file"):
        texts["source"] = "compose"
    return texts


def mask(document: Any) -> Any:
    """The document with a mask over each environment value that is, or may be, a secret."""
    services = [{**item, **_masked(item, "env")} for item in document.get("services", ())]
    return {**document, **_masked(document, "default_env"), "services": services}


def _masked(holder: Mapping[str, Any], name: str) -> dict[str, Any]:
    env = holder.get(name)
    if not env:
        return {}
    return {name: {k: MASK if speaks_of_secret(k, str(v)) else v for k, v in env.items()}}


def unmask(document: dict[str, Any], stored: Mapping[str, Any] | None) -> None:
    """
    Puts values back that the page showed masked; Invalid for a mask over nothing.

    A page never holds a secret value, so an untouched one comes back as its mask.
    """
    stored = stored or {}
    kept = {item["name"]: item for item in stored.get("services", ())}
    _unmask(document.get("default_env"), stored.get("default_env") or {}, "default_env")
    services = document.get("services")
    for place, item in enumerate(services if isinstance(services, list) else ()):
        if isinstance(item, dict):
            old = kept.get(str(item.get("name")), {})
            _unmask(item.get("env"), old.get("env") or {}, f"services[{place}].env")


def _unmask(env: Any, old: Mapping[str, Any], at: str) -> None:
    if not isinstance(env, dict):
        return
    for key, value in env.items():
        if value == MASK:
            if key not in old:
                raise Invalid(f"{at}.{key}", "is masked: type its value, or use a secret")
            env[key] = old[key]

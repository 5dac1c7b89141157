"""
What was typed into the wizard, carried from page to page by its own form.

Nothing is kept on the server, and no secret value ever goes back into a page: a secret key is asked
for again where its value is needed, unless the page's script still holds it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from werkzeug.datastructures import MultiDict

from tenantry.errors import Invalid
from tenantry.operations.onboarding import Client
from tenantry.planning import inputs
from tenantry.planning.environment import speaks_of_secret
from tenantry.web.forms import emails_of, env_of

STEPS = ("names", "settings", "review")
PLAIN = ("name", "subdomain", "client_ref", "env", "notify_emails", "target")
LONGEST: Mapping[str, int] = {"env": 100_000, "notify_emails": 10_000}
LONGEST_LINE = 400
MOST_KEYS = 300
# Which page a field is on; those of the environment are on the second.
PAGE_OF: Mapping[str, str] = {
    "name": "names",
    "subdomain": "names",
    "client_ref": "names",
}
SECRET_LINE = re.compile(r"^\s*([A-Z_][A-Z0-9_]*)=(.*)$")


@dataclass(slots=True)
class Typed:
    """
    Fields by name, as typed; `own` are values for keys of the product, `secret` for secret ones.

    `asked` are secret keys that a page asked for before, with or without their values.
    """

    product: str
    values: dict[str, str] = field(default_factory=dict)
    own: dict[str, str] = field(default_factory=dict)
    secret: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    errors: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    def read(cls, product: str, form: MultiDict[str, str]) -> "Typed":
        """From a posted form; what is longer than any rule allows is cut, and refused by it."""
        typed = cls(product)
        for name in PLAIN:
            most = LONGEST.get(name, LONGEST_LINE) + 1
            typed.values[name] = form.get(name, "").replace("\r\n", "\n")[:most]
        for arg, value in list(form.items())[: MOST_KEYS * 2]:
            kind, _, key = arg.partition(".")
            if kind in {"env", "secret"} and inputs.ENV_KEY.fullmatch(key) and value:
                kept = typed.own if kind == "env" else typed.secret
                kept[key] = value.replace("\r\n", "\n")
        keys = [key for key in form.getlist("asked") if inputs.ENV_KEY.fullmatch(key)]
        typed.asked = list(dict.fromkeys(keys))[:MOST_KEYS]
        typed.set_secrets_aside()
        return typed

    def set_secrets_aside(self) -> None:
        """Secret lines among the typed keys become values of their own, which no page repeats."""
        kept = []
        for line in self.values["env"].split("\n"):
            match = SECRET_LINE.match(line)
            if match and speaks_of_secret(match[1], match[2]):
                self.secret[match[1]] = match[2]
            else:
                kept.append(line)
        self.values["env"] = "\n".join(kept)
        for key in [key for key, value in self.own.items() if speaks_of_secret(key, value)]:
            self.secret[key] = self.own.pop(key)
        self.asked = list(dict.fromkeys([*self.asked, *self.secret]))

    def missing(self) -> list[str]:
        """Secret keys that were asked for and have no value in this request."""
        return [key for key in self.asked if not self.secret.get(key)]

    def document(self) -> dict[str, Any]:
        """As `tenants.add` takes it; Invalid for lines that are no KEY=VALUE."""
        env = env_of(self.values["env"])
        for key in (*self.own, *self.secret):
            if key in env:
                raise Invalid("env", f"{key} stands there already")
        return {
            "name": self.values["name"],
            "subdomain": self.values["subdomain"].strip().lower(),
            "client_ref": self.values["client_ref"].strip() or None,
            "target": self.values["target"] or None,
            "notify_emails": emails_of(self.values["notify_emails"]),
            "env": {**env, **self.own, **self.secret},
        }

    def client(self) -> Client:
        """For the operation."""
        return Client(self.product, self.document())

    def check_names(self) -> None:
        """What the first page asks for must be there."""
        for name in ("name", "subdomain"):
            if not self.values[name].strip():
                self.wrong(name, "Fill this in.")

    def wrong(self, name: str, words: str) -> None:
        """One more rule that a field breaks."""
        self.errors.setdefault(name, []).append(words[:1].upper() + words[1:])

    def refused(self, trouble: Exception) -> str:
        """Puts what an operation refused beside its field; the page on which that is."""
        if isinstance(trouble, Invalid):
            name, words = trouble.field, trouble.rule
        else:
            name, sign, words = str(trouble).partition(": ")
            if not sign or name not in PLAIN:
                name, words = "", str(trouble)
        if name.startswith("env.") and name[4:] not in (*self.own, *self.secret):
            name, words = "env", f"{name[4:]} {words}"
        if name not in PLAIN and not name.startswith("env."):
            name = ""
        self.wrong(name, words)
        return PAGE_OF.get(name, "settings" if name else "review")

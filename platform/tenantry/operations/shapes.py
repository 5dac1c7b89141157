"""
The shape of what comes in from forms, files and programs: types and unknown fields.

Marshmallow refuses what has the wrong shape; `planning.inputs` and its neighbours then judge the
values. Both speak as one Invalid that names the field.
"""

import re
from collections.abc import Mapping
from typing import Any
from unicodedata import category

from marshmallow import RAISE, Schema, ValidationError, fields, validate

from tenantry.errors import Invalid
from tenantry.models.template import DB_TYPES
from tenantry.planning.blueprint import SERVICE_TYPES

LONGEST_TEXT = 10_000
LONGEST_FILE = 100_000
TARGET_ID = re.compile(r"[A-Za-z0-9_-]{1,60}")
BUILD_TYPES = (
    "dockerfile",
    "nixpacks",
    "railpack",
    "heroku_buildpacks",
    "paketo_buildpacks",
    "static",
)


class Text(fields.String):
    """
    Text that every database can store and every line of a page can hold: no control characters
    (line ends and tabs only where `lines`), no halves of characters, no bytes.
    """

    def __init__(self, *, lines: bool = False, longest: int = LONGEST_TEXT, **more: Any) -> None:
        super().__init__(**more)
        self.allowed = "\n\t" if lines else ""
        self.longest = longest

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> str:
        if not isinstance(value, str):
            raise self.make_error("invalid")
        if len(value) > self.longest:
            raise ValidationError(f"must have at most {self.longest} characters")
        if self.allowed:
            value = value.replace("\r\n", "\n")
        if any(category(c) in {"Cc", "Cs"} and c not in self.allowed for c in value):
            raise ValidationError("must not hold line ends or other control characters")
        return str(super()._deserialize(value, attr, data, **kwargs))


class Flag(fields.Boolean):
    """true or false, nothing that merely equals one of them."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> bool:
        if not isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        return bool(super()._deserialize(value, attr, data, **kwargs))


def _target_id(text: str) -> None:
    """An id as targets make them."""
    if not TARGET_ID.fullmatch(text):
        raise ValidationError("must be an id of the target: letters, digits, - and _")


class Strict(Schema):
    """Unknown fields are errors, not silence."""

    class Meta:
        """Marshmallow's own switch for that."""

        unknown = RAISE


class BuildShape(Strict):
    """`build_config` of a service."""

    type = Text(load_default="nixpacks", validate=validate.OneOf(BUILD_TYPES))
    dockerfile = Text(load_default="Dockerfile")
    context_path = Text(load_default="")
    stage = Text(load_default="")
    publish_directory = Text(load_default=None, allow_none=True)
    static_spa = Flag(load_default=False)
    build_path = Text(load_default="/")
    ssh_key_id = Text(load_default=None, allow_none=True, validate=_target_id)
    submodules = Flag(load_default=False)
    build_command = Text(load_default=None, allow_none=True)
    start_command = Text(load_default=None, allow_none=True)
    args = fields.List(Text(), load_default=list, validate=validate.Length(max=100))


class VolumeShape(Strict):
    """A named volume of a service."""

    name = Text(required=True)
    path = Text(required=True)


class ServiceShape(Strict):
    """One service of a product."""

    name = Text(required=True)
    service_type = Text(
        required=True, validate=validate.OneOf([t for t in SERVICE_TYPES if t != "db"])
    )
    order = fields.Integer(load_default=1, strict=True, validate=validate.Range(0, 1000))
    repo_url = Text(load_default=None, allow_none=True)
    repo_branch = Text(load_default=None, allow_none=True)
    image = Text(load_default=None, allow_none=True)
    compose_file = Text(lines=True, longest=LONGEST_FILE, load_default=None, allow_none=True)
    compose_service = Text(load_default=None, allow_none=True)
    volumes = fields.List(
        fields.Nested(VolumeShape), load_default=list, validate=validate.Length(max=20)
    )
    replicas = fields.Raw(load_default=1)
    limits = fields.Dict(load_default=dict)
    stop_first = Flag(load_default=False)
    build_config = fields.Nested(BuildShape, load_default=lambda: BuildShape().load({}))
    env = fields.Dict(load_default=dict)
    port = fields.Integer(load_default=3000, strict=True, validate=validate.Range(1, 65535))
    health_path = Text(load_default="/")
    expected_status = Text(load_default="200-399")
    health_retries = fields.Integer(load_default=8, strict=True, validate=validate.Range(0, 50))
    expose_domain = Flag(load_default=None, allow_none=True)
    internal_provision_endpoint = Text(load_default=None, allow_none=True)
    internal_provision_token_secret = Text(load_default=None, allow_none=True)
    active = Flag(load_default=True)


class TemplateShape(Strict):
    """A product with its services, as a YAML file, a form or a program gives it."""

    version = fields.Integer(load_default=1, strict=True, validate=validate.Equal(1))
    name = Text(required=True, validate=validate.Length(1, 120))
    slug = Text(load_default=None, allow_none=True)
    description = Text(lines=True, load_default="", validate=validate.Length(max=5000))
    base_domain = Text(required=True)
    db_required = Flag(load_default=False)
    db_type = Text(load_default="postgres", validate=validate.OneOf(DB_TYPES))
    db_image = Text(load_default="")
    db_url_secret = Text(load_default=None, allow_none=True)
    default_env = fields.Dict(load_default=dict)
    notify_emails = fields.List(Text(), load_default=list)
    https = Flag(load_default=True)
    certificate = Text(
        load_default="letsencrypt", validate=validate.OneOf(["letsencrypt", "none", "custom"])
    )
    target = Text(load_default="main")
    server_id = Text(load_default=None, allow_none=True, validate=_target_id)
    secrets = fields.List(Text(), load_default=list)
    active = Flag(load_default=True)
    services = fields.List(fields.Nested(ServiceShape), required=True)


class TenantShape(Strict):
    """A client to be added."""

    name = Text(required=True, validate=validate.Length(1, 120))
    subdomain = Text(required=True)
    client_ref = Text(load_default=None, allow_none=True, validate=validate.Length(1, 120))
    target = Text(load_default=None, allow_none=True)
    notify_emails = fields.List(Text(), load_default=list)
    env = fields.Dict(load_default=dict)


def load(shape: Schema, data: object) -> dict[str, Any]:
    """The data in its shape; the first trouble as an Invalid that names the field."""
    if not isinstance(data, Mapping):
        raise Invalid("document", "must be an object with named fields")
    try:
        return dict(shape.load(data))
    except ValidationError as trouble:
        path, rule = _first(trouble.messages)
        raise Invalid(path or "document", rule) from None


def _first(messages: Any, path: str = "") -> tuple[str, str]:
    if isinstance(messages, Mapping):
        key = next(iter(messages))
        step = f"[{key}]" if isinstance(key, int) else f".{key}"
        return _first(messages[key], (path + step).lstrip(".") if key != "_schema" else path)
    if isinstance(messages, list):
        return _first(messages[0], path)
    words = str(messages).rstrip(".")
    return path, words[0].lower() + words[1:]

"""
The shape of what comes in from forms, files and programs: types and unknown fields.

Marshmallow refuses what has the wrong shape; `planning.inputs` and its neighbours then judge the
values. Both speak as one Invalid that names the field.
"""

from collections.abc import Mapping
from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields, validate

from tenantry.errors import Invalid
from tenantry.models.template import DB_TYPES
from tenantry.planning.blueprint import SERVICE_TYPES

BUILD_TYPES = (
    "dockerfile",
    "nixpacks",
    "railpack",
    "heroku_buildpacks",
    "paketo_buildpacks",
    "static",
)


class Strict(Schema):
    """Unknown fields are errors, not silence."""

    class Meta:
        """Marshmallow's own switch for that."""

        unknown = RAISE


class BuildShape(Strict):
    """`build_config` of a service."""

    type = fields.String(load_default="nixpacks", validate=validate.OneOf(BUILD_TYPES))
    dockerfile = fields.String(load_default="Dockerfile")
    context_path = fields.String(load_default="")
    stage = fields.String(load_default="")
    publish_directory = fields.String(load_default=None, allow_none=True)
    static_spa = fields.Boolean(load_default=False, truthy={True}, falsy={False})
    build_path = fields.String(load_default="/")
    ssh_key_id = fields.String(load_default=None, allow_none=True)
    submodules = fields.Boolean(load_default=False, truthy={True}, falsy={False})
    build_command = fields.String(load_default=None, allow_none=True)
    start_command = fields.String(load_default=None, allow_none=True)
    args = fields.List(fields.String(), load_default=list)


class ServiceShape(Strict):
    """One service of a product."""

    name = fields.String(required=True)
    service_type = fields.String(
        required=True, validate=validate.OneOf([t for t in SERVICE_TYPES if t != "db"])
    )
    order = fields.Integer(load_default=1, strict=True, validate=validate.Range(0, 1000))
    repo_url = fields.String(load_default=None, allow_none=True)
    repo_branch = fields.String(load_default=None, allow_none=True)
    image = fields.String(load_default=None, allow_none=True)
    build_config = fields.Nested(BuildShape, load_default=lambda: BuildShape().load({}))
    env = fields.Dict(load_default=dict)
    port = fields.Integer(load_default=3000, strict=True, validate=validate.Range(1, 65535))
    health_path = fields.String(load_default="/")
    expected_status = fields.String(load_default="200-399")
    health_retries = fields.Integer(load_default=8, strict=True, validate=validate.Range(0, 50))
    expose_domain = fields.Boolean(load_default=None, allow_none=True, truthy={True}, falsy={False})
    internal_provision_endpoint = fields.String(load_default=None, allow_none=True)
    internal_provision_token_secret = fields.String(load_default=None, allow_none=True)
    active = fields.Boolean(load_default=True, truthy={True}, falsy={False})


class TemplateShape(Strict):
    """A product with its services, as a YAML file, a form or a program gives it."""

    version = fields.Integer(load_default=1, strict=True, validate=validate.Equal(1))
    name = fields.String(required=True, validate=validate.Length(1, 120))
    slug = fields.String(load_default=None, allow_none=True)
    description = fields.String(load_default="", validate=validate.Length(max=5000))
    base_domain = fields.String(required=True)
    db_required = fields.Boolean(load_default=False, truthy={True}, falsy={False})
    db_type = fields.String(load_default="postgres", validate=validate.OneOf(DB_TYPES))
    db_image = fields.String(load_default="")
    default_env = fields.Dict(load_default=dict)
    notify_emails = fields.List(fields.String(), load_default=list)
    https = fields.Boolean(load_default=True, truthy={True}, falsy={False})
    certificate = fields.String(
        load_default="letsencrypt", validate=validate.OneOf(["letsencrypt", "none", "custom"])
    )
    target = fields.String(load_default="main")
    server_id = fields.String(load_default=None, allow_none=True)
    secrets = fields.List(fields.String(), load_default=list)
    active = fields.Boolean(load_default=True, truthy={True}, falsy={False})
    services = fields.List(fields.Nested(ServiceShape), required=True)


class TenantShape(Strict):
    """A client to be added."""

    name = fields.String(required=True, validate=validate.Length(1, 120))
    subdomain = fields.String(required=True)
    client_ref = fields.String(load_default=None, allow_none=True, validate=validate.Length(1, 120))
    target = fields.String(load_default=None, allow_none=True)
    notify_emails = fields.List(fields.String(), load_default=list)
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

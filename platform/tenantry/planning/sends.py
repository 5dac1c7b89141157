"""What each step of a plan will send, in words for people. Names secrets, never their values."""

from collections.abc import Callable, Mapping

from tenantry.planning.blueprint import Blueprint, ServiceSpec
from tenantry.planning.catalogue import kind_name
from tenantry.planning.naming import target_name

Lines = tuple[tuple[str, str], ...]
_Of = Callable[[Blueprint, ServiceSpec], Lines]


def sends(blueprint: Blueprint, key: str, service: str | None) -> Lines:
    """What is sent, as (what, value) in order; empty for a step that only looks."""
    name = kind_name(key)
    if name in _WHOLE:
        return _WHOLE[name](blueprint)
    spec = blueprint.service(service or "")
    return _OF_SERVICE[name](blueprint, spec) if spec and name in _OF_SERVICE else ()


def _project(plan: Blueprint) -> Lines:
    return ("Project", plan.project_name), ("Target", plan.target)


def _database(plan: Blueprint) -> Lines:
    spec = plan.database
    if spec is None:
        return ()
    return (
        ("Image", spec.image),
        ("Database", spec.database),
        ("User", spec.user),
        ("Password", "made up, 32 characters, sealed"),
    )


def _database_start(plan: Blueprint) -> Lines:
    return (("Image", plan.database.image),) if plan.database else ()


def _told(plan: Blueprint) -> Lines:
    return (("To", ", ".join(plan.notify_emails) or "nobody: no address is set"),)


def _create(plan: Blueprint, spec: ServiceSpec) -> Lines:
    what = "Stack" if spec.compose else "Application"
    found = [(what, target_name(plan.template_slug, plan.subdomain, spec.name))]
    if spec.image:
        found.append(("Image", spec.image.image))
    found.append(("Replicas", str(min(spec.replicas, 1) if spec.once else spec.replicas)))
    limits = [f"{spec.limits.cpu_cores:g} CPU"] if spec.limits.cpu_cores else []
    limits += [f"{spec.limits.memory_mb} MB"] if spec.limits.memory_mb else []
    if limits:
        found.append(("Limits", ", ".join(limits)))
    if spec.args:
        found.append(("Arguments", " ".join(spec.args)))
    return (*found, ("Automatic deploys", "off"))


def _git(_plan: Blueprint, spec: ServiceSpec) -> Lines:
    git = spec.git
    if git is None:
        return ()
    found = [("Repository", git.url), ("Branch or tag", git.branch)]
    if git.build_path not in {"", "/"}:
        found.append(("Folder", git.build_path))
    return tuple(found)


def _build(_plan: Blueprint, spec: ServiceSpec) -> Lines:
    found = [("Built with", str(spec.build.type))]
    if spec.build.type == "dockerfile":
        found.append(("Dockerfile", spec.build.dockerfile))
    return tuple(found)


def _env(_plan: Blueprint, spec: ServiceSpec) -> Lines:
    keys = sorted({key for layer in spec.env for key in (*layer.values, *layer.sealed)})
    return (("Keys", ", ".join(keys) or "none"),)


def _file(_plan: Blueprint, spec: ServiceSpec) -> Lines:
    lines = spec.compose.file.count("\n") + 1 if spec.compose else 0
    return (("Compose file", f"{lines} lines"),)


def _mount(_plan: Blueprint, spec: ServiceSpec) -> Lines:
    return tuple((volume.name, volume.path) for volume in spec.volumes)


def _domain(plan: Blueprint, spec: ServiceSpec) -> Lines:
    if plan.https:
        certificate = {"letsencrypt": "from Let's Encrypt", "none": "none"}.get(
            plan.certificate, "your own"
        )
        how = f"HTTPS, certificate {certificate}"
    else:
        how = "HTTP only"
    return ("Hostname", spec.hostname or ""), ("To port", str(spec.port)), ("Router", how)


def _dns(_plan: Blueprint, spec: ServiceSpec) -> Lines:
    return (("Asks for", spec.hostname or ""),)


def _health(plan: Blueprint, spec: ServiceSpec) -> Lines:
    if not spec.probed_by_http:
        return (("Looks at", "its containers"),)
    scheme = "https" if plan.https else "http"
    return (
        ("GET", f"{scheme}://{spec.hostname}{spec.health_path}"),
        ("Healthy status codes", spec.expected_status),
        ("Tries", f"{spec.health_retries + 1} at most"),
    )


def _provision(plan: Blueprint, spec: ServiceSpec) -> Lines:
    scheme = "https" if plan.https else "http"
    token = spec.provision_secret
    return (
        ("POST", f"{scheme}://{spec.hostname}/{spec.provision_endpoint}"),
        ("Token", f"secret {token}, masked" if token else "none"),
        ("Body", "the tenant's id, name and subdomain"),
    )


_WHOLE: Mapping[str, Callable[[Blueprint], Lines]] = {
    "project.create": _project,
    "db.create": _database,
    "db.deploy": _database_start,
    "email.notify_success": _told,
}
_OF_SERVICE: Mapping[str, _Of] = {
    "service.create": _create,
    "service.git_attach": _git,
    "service.build_config": _build,
    "service.env_set": _env,
    "service.file_set": _file,
    "service.mount": _mount,
    "domains.create": _domain,
    "domains.wait_propagation": _dns,
    "health.check": _health,
    "internal.provision": _provision,
}

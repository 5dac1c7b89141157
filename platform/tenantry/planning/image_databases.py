"""A database that is an image with a volume, as the application that it is on the target."""

from tenantry.planning.blueprint import DatabaseSpec, EnvLayer, ServiceSpec
from tenantry.planning.databases import facts
from tenantry.planning.limits import Limits
from tenantry.planning.sources import Build, ImageSource, Volume

VOLUME = "data"
DRAGONFLY = "dragonfly"
# Dragonfly takes four fifths of its memory and refuses to start with less than this for a thread.
MEGABYTES_A_THREAD = 256
MOST_THREADS = 8


def as_service(spec: DatabaseSpec) -> ServiceSpec:
    """
    Its application: one replica, stop-first, one volume, no hostname.

    Arguments and environment hold placeholders where the password belongs, never the password.
    """
    kind = facts(spec.kind)
    return ServiceSpec(
        name=spec.service,
        service_type="db",
        order=0,
        rank=0,
        expose_domain=False,
        hostname=None,
        git=None,
        image=ImageSource(spec.image),
        build=Build(),
        port=kind.port,
        health_path="/",
        expected_status="200-399",
        health_retries=0,
        args=(*kind.args, *_threads(spec.kind, spec.limits)),
        env=(EnvLayer("database", kind.env),),
        limits=spec.limits,
        volumes=(Volume(VOLUME, kind.path),),
        stop_first=True,
    )


def _threads(kind: str, limits: Limits) -> tuple[str, ...]:
    """Dragonfly takes a thread for each core of the machine, and then has too little for each."""
    if kind != DRAGONFLY or limits.memory_mb is None:
        return ()
    fit = limits.memory_mb * 4 // 5 // MEGABYTES_A_THREAD
    return (f"--proactor_threads={max(1, min(fit, MOST_THREADS))}",)

"""What one job of the queue does, from its row to its service."""

from typing import Final

from dokploy_simulator import build_log, durations
from dokploy_simulator.environment_text import UnknownReferenceError, resolved_env
from dokploy_simulator.ground import Ground
from dokploy_simulator.history import (
    append_log,
    finish_deployment,
    note_fact,
    start_deployment,
)
from dokploy_simulator.identity import now_iso
from dokploy_simulator.jobs import Job
from dokploy_simulator.repositories import BARE_COMMIT, commit_of
from dokploy_simulator.rollbacks import keep_rollback, push_rollback
from dokploy_simulator.specs import ServiceSpec, limits_of
from dokploy_simulator.store import Row

LONGEST_NAME: Final = 63
_SOURCES: Final = {
    "github": ("githubId", "branch", "Github"),
    "gitlab": ("gitlabId", "gitlabBranch", "Gitlab"),
    "gitea": ("giteaId", "giteaBranch", "Gitea"),
    "bitbucket": ("bitbucketId", "bitbucketBranch", "Bitbucket"),
}


class BuildFailedError(Exception):
    """The job ends in ``error``; the text is the end of its log."""


async def run_job(ground: Ground, job: Job) -> None:
    """
    Run a job to its end. The settings used are those of this moment; if the application is
    deleted meanwhile, its service is created all the same.
    """
    application = ground.store.get("application", job.owner_id)
    if application is None:
        return
    row = start_deployment(ground, application, job.title, job.description)
    deployment_id = row["deploymentId"]
    ground.store.change("application", job.owner_id, applicationStatus="running")
    rollback = keep_rollback(ground, application, deployment_id)
    note_fact(ground, deployment_id, cleanCache=bool(application["cleanCache"]), kind=job.kind)
    ground.store.commit()
    status = "done"
    try:
        await _build(ground, application, deployment_id, fetch=job.kind == "deploy")
    except BuildFailedError as failure:
        append_log(ground, deployment_id, str(failure), *build_log.FAILED)
        status = "error"
    else:
        push_rollback(ground, rollback)
    finish_deployment(ground, deployment_id, status)
    ground.store.change("application", job.owner_id, applicationStatus=status)
    ground.store.commit()
    if job.kind == "deploy" and application["sourceType"] != "docker":
        await _take_commit_title(ground, application, deployment_id)


async def _take_commit_title(ground: Ground, application: Row, deployment_id: str) -> None:
    """Overwrite the caller's words with those of the last checkout, if there ever was one."""
    checkout = ground.store.get("checkout", application["appName"])
    if checkout is None or not checkout["commit"]:
        return
    await ground.passes(durations.COMMIT_TITLE)
    ground.store.change(
        "deployment",
        deployment_id,
        title=checkout["message"],
        description=f"Commit: {checkout['commit']}",
    )


async def _build(ground: Ground, application: Row, deployment_id: str, *, fetch: bool) -> None:
    append_log(ground, deployment_id, "Initializing deployment")
    try:
        env = resolved_env(ground.store, application)
    except UnknownReferenceError as failure:
        raise BuildFailedError(str(failure)) from failure
    if application["sourceType"] == "docker":
        image = await _pull(ground, application, deployment_id, fetch=fetch)
    else:
        name = await _check_out(ground, application, deployment_id, fetch=fetch)
        image = await _compile(ground, application, deployment_id, name)
    if len(application["appName"]) > LONGEST_NAME:
        raise BuildFailedError(build_log.NAME_TOO_LONG)
    row = ground.engine.apply(service_spec(ground, application, env, image))
    note_fact(ground, deployment_id, image=image, digest=row["versions"][-1]["digest"])
    ground.store.commit()


def service_spec(ground: Ground, application: Row, env: list[str], image: str) -> ServiceSpec:
    """The service an application asks for; how it behaves is told by its image's source."""
    rollout = application["updateConfigSwarm"] or {}
    mounts = ground.store.where("mount", "serviceId", application["applicationId"])
    known = ground.engine.images.row(image)
    source = known["source"] if known else "#".join(source_of(application))
    return ServiceSpec(
        name=application["appName"],
        image=image,
        replicas=int(application["replicas"]),
        env=env,
        crashes="crash" in source.lower(),
        failure_action=rollout.get("FailureAction", "pause" if rollout else "rollback"),
        order=rollout.get("Order", "start-first"),
        parallelism=int(rollout.get("Parallelism", 1)),
        volumes=[mount["volumeName"] for mount in mounts if mount["volumeName"]],
        args=[str(word) for word in application["args"] or []],
        command=application["command"] or None,
        limits=limits_of(application),
        pinned=bool(mounts) and not application["placementSwarm"],
        built=application["sourceType"] != "docker",
    )


def source_of(application: Row) -> tuple[str, str]:
    """Repository and branch, or image and nothing: where the application's code comes from."""
    kind = application["sourceType"]
    if kind == "docker":
        return application["dockerImage"] or "", ""
    if kind == "git":
        return application["customGitUrl"] or "", application["customGitBranch"] or ""
    if kind in _SOURCES:
        branch = application[_SOURCES[kind][1]] or ""
        prefix = "" if kind == "github" else kind
        names = ("owner", "repository") if not prefix else (f"{kind}Owner", f"{kind}Repository")
        return "/".join(str(application[name]) for name in names), branch
    return "", ""


def _pace(name: str) -> float:
    return durations.SLOW_FACTOR if "slow" in name else 1.0


async def _pull(ground: Ground, application: Row, deployment_id: str, *, fetch: bool) -> str:
    image, _ = source_of(application)
    if not image:
        raise BuildFailedError("Error: ❌ Docker image not found")
    if not fetch:
        return image
    append_log(ground, deployment_id, f"Pulling {image}")
    await ground.passes(durations.IMAGE_PULL * _pace(image))
    if "fail" in image:
        raise BuildFailedError(build_log.pull_refused(image))
    known = (ground.engine.images.row(image) or {}).get("digest")
    digest = ground.engine.images.pull(image)
    append_log(ground, deployment_id, *build_log.pulled(image, digest, known=known == digest))
    return image


async def _check_out(ground: Ground, application: Row, deployment_id: str, *, fetch: bool) -> str:
    """Bring the code; returns the name that decides how the build and the service behave."""
    app_name = application["appName"]
    if not fetch:
        checkout = ground.store.get("checkout", app_name)
        if checkout is None or not checkout["commit"]:
            raise BuildFailedError(f"Error: ❌ No code found in {build_log.code_folder(app_name)}")
        return str(checkout["name"])
    repository, branch = source_of(application)
    provider = _SOURCES.get(application["sourceType"])
    if provider and not application[provider[0]]:
        raise BuildFailedError(f"Error: ❌ {provider[2]} Provider not found")
    if not repository:
        raise BuildFailedError("Error: ❌ Repository not found")
    name = f"{repository}#{branch}"
    ground.store.put("checkout", app_name, {"commit": "", "message": "", "name": name})
    append_log(ground, deployment_id, *build_log.cloning(repository, app_name))
    await ground.passes(durations.CLONING * _pace(name))
    refusal = _clone_refusal(ground, application, repository, branch)
    if refusal:
        raise BuildFailedError(f"{refusal}\n❌ [ERROR] Fail to clone the repository {repository}")
    commit, message = commit_of(ground.store, repository, branch)
    append_log(ground, deployment_id, *build_log.cloned(branch, commit))
    note_fact(ground, deployment_id, commit=commit)
    await ground.passes(durations.CHECKOUT)
    ground.store.put("checkout", app_name, {"commit": commit, "message": message, "name": name})
    return name


def _clone_refusal(ground: Ground, application: Row, repository: str, branch: str) -> str | None:
    lowered = repository.lower()
    if "none.git" in lowered or "norepo" in lowered or "missing" in lowered:
        return f"fatal: repository '{repository}/' not found"
    if repository.startswith("file://"):
        return "fatal: transport 'file' not allowed"
    if repository.startswith(("git@", "ssh://")) and not application["customGitSSHKeyId"]:
        return "Error: ❌ SSH key not found"
    unknown = commit_of(ground.store, repository, branch)[0] == ""
    if unknown or BARE_COMMIT.match(branch) or "nobranch" in branch:
        return f"fatal: Remote branch {branch} not found in upstream origin"
    return None


async def _compile(ground: Ground, application: Row, deployment_id: str, name: str) -> str:
    app_name = application["appName"]
    pace = _pace(name)
    append_log(
        ground,
        deployment_id,
        *build_log.building(app_name, clean_cache=bool(application["cleanCache"])),
    )
    await ground.passes(durations.INSTALLING * pace)
    append_log(ground, deployment_id, *build_log.installed())
    await ground.passes(durations.BUILDING * pace)
    if "fail" in name:
        raise BuildFailedError(build_log.BUILD_REFUSED)
    append_log(ground, deployment_id, *build_log.compiled())
    await ground.passes(durations.COPYING * pace)
    ground.engine.images.build(f"{app_name}:latest", name)
    append_log(ground, deployment_id, *build_log.copied(app_name, now_iso()))
    await ground.passes(durations.DEPLOYING)
    append_log(ground, deployment_id, *build_log.deployed())
    return f"{app_name}:latest"

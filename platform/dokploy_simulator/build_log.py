"""The lines of a build log, phase by phase."""

import hashlib
from typing import Final

FAILED: Final = ("", "Error occurred ❌, check the logs for details.", "")
NAME_TOO_LONG: Final = (
    "(HTTP code 400) unexpected - rpc error: code = InvalidArgument"
    " desc = name must be valid as a DNS name component "
)
BUILD_REFUSED: Final = (
    "npm ERR! code ELIFECYCLE\n"
    "The command '/bin/sh -c npm run build' returned a non-zero code: 1\n"
    "❌ Docker build failed"
)


def code_folder(app_name: str) -> str:
    """Where an application's code lies on the server."""
    return f"/etc/dokploy/applications/{app_name}/code"


def cloning(repository: str, app_name: str) -> tuple[str, ...]:
    """The start of a clone."""
    folder = code_folder(app_name)
    return (
        f"Cloning Repo Custom {repository} to {folder}: ✅",
        f"Cloning into '{folder}'...",
    )


def cloned(branch: str, commit: str) -> tuple[str, ...]:
    """The end of a clone and the checkout."""
    return (
        "remote: Enumerating objects: 48, done.        ",
        "remote: Counting objects: 100% (48/48), done.        ",
        "remote: Compressing objects: 100% (31/31), done.        ",
        "remote: Total 48 (delta 9), reused 12 (delta 2), pack-reused 0        ",
        "Receiving objects: 100% (48/48), 214.07 KiB | 5.49 MiB/s, done.",
        f"Note: switching to '{branch}'.",
        f"HEAD is now at {commit[:7]}",
    )


def building(app_name: str, *, clean_cache: bool = False) -> tuple[str, ...]:
    """The build up to the installation of packages."""
    return (
        f"Building {app_name}",
        *(("Build cache is not used: --no-cache --pull",) if clean_cache else ()),
        "Sending build context to Docker daemon  61.44kB",
        "Step 1/6 : FROM node:22-alpine AS build",
        "Step 2/6 : COPY package.json package-lock.json ./",
        "Step 3/6 : RUN npm ci",
    )


def installed() -> tuple[str, ...]:
    """Packages are there; the build itself starts."""
    return (
        "added 212 packages, and audited 213 packages in 2s",
        "found 0 vulnerabilities",
        "Step 4/6 : RUN npm run build",
    )


def compiled() -> tuple[str, ...]:
    """The build ran."""
    return (
        "✓ 148 modules transformed.",
        "✓ built in 1.74s",
        "Step 5/6 : COPY --from=build /app/dist /srv",
    )


def copied(app_name: str, moment: str) -> tuple[str, ...]:
    """The image is written."""
    image = hashlib.sha256(f"{app_name}{moment}".encode()).hexdigest()[:12]
    return (
        'Step 6/6 : CMD ["serve"]',
        f"Successfully built {image}",
        f"Successfully tagged {app_name}",
    )


def deployed() -> tuple[str, ...]:
    """The end."""
    return ("✅ Docker build completed.", "")


def _repository(image: str) -> tuple[str, str]:
    name, _, tag = image.partition("@")[0].rpartition(":")
    if not name or "/" in tag:
        name, tag = image.partition("@")[0], "latest"
    return name if "/" in name else f"library/{name}", tag


def pulled(image: str, digest: str, *, known: bool) -> tuple[str, ...]:
    """A pull that worked; ``known`` says that the very image was here already."""
    name, tag = _repository(image)
    status = "Image is up to date" if known else "Downloaded newer image"
    return (
        f"{tag}: Pulling from docker.io/{name}",
        f"Digest: {digest}",
        f"Status: {status} for docker.io/{name}:{tag}",
        f"docker.io/{name}:{tag}",
        "✅ Pulling image completed.",
    )


def pull_refused(image: str) -> str:
    """A pull of an image that does not exist."""
    name, tag = _repository(image)
    return (
        f"Error response from daemon: manifest for docker.io/{name}:{tag}"
        " not found: manifest unknown"
    )


def commit_message(repository: str, branch: str) -> str:
    """The message of the one commit a branch has."""
    name = repository.rstrip("/").rpartition("/")[2].removesuffix(".git") or "code"
    return f"feat: {name} as of {branch}"


def compose_box(app_name: str, command: str, source: str, kind: str, mounts: int) -> str:
    """The box at the head of a compose's log."""
    told = (
        "",
        f"App Name: {app_name}",
        "Build Compose 🐳",
        f"Detected: {mounts} mounts 📂",
        f"Command: docker {command}",
        f"Source Type: docker {source} ✅",
        f"Compose Type: {kind} ✅",
        "",
    )
    lines = [f"║ {line:<76} ║" for line in told]
    return "\n".join(["╔" + "═" * 78 + "╗", *lines, "╚" + "═" * 78 + "╝"])

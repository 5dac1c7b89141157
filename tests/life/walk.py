"""
`make life`: one tenant from its first day to its last, by the product's own processes.

Against the stand-in it checks at the end that nothing is left but the volumes and backup files that
were named. With `--dokploy-url` the same chapters run against a server of your own: then looks go
through the product's own client, and `--base-domain` must lead to that server.
"""

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tenantry.operations import leaving, tenants
from tests.installation import DOMAIN, Installation, servers
from tests.life import chapters
from tests.life.story import Story

CHAPTERS: tuple[tuple[str, Callable[[Story], str]], ...] = (
    ("onboard", chapters.onboard),
    ("upgrade", chapters.upgrade),
    ("scale to 3", chapters.scale),
    ("change environment", chapters.change_environment),
    ("roll back", chapters.roll_back),
    ("suspend", chapters.suspend),
    ("wake", chapters.wake),
    ("back up", chapters.back_up),
    ("drift, reverted", chapters.drift),
    ("tear down", chapters.tear_down),
)


def main() -> int:
    """Prints the table; 0 where every chapter ended well and nothing is left."""
    given = _arguments()
    base = Path(tempfile.mkdtemp(prefix="life-"))
    postgres, valkey = servers(base)
    try:
        with Installation(base / "place", postgres.url(), valkey.url()) as place:
            if given.dokploy_url:
                place.elsewhere(given.dokploy_url, given.api_key)
            place.start("steps", "slow", "suspect", "watchdog")
            story = Story(
                place,
                base_domain=given.base_domain or f"shop.{DOMAIN}",
                https=given.https,
                destination=given.destination,
                stand_in=not given.dokploy_url,
            )
            return _walk(story)
    finally:
        valkey.remove()
        postgres.remove()
        shutil.rmtree(base, ignore_errors=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dokploy-url", help="a Dokploy server of your own")
    parser.add_argument("--api-key", help="its key", default="")
    parser.add_argument("--base-domain", help="a domain whose names lead to that server")
    parser.add_argument("--https", action="store_true", help="ask for certificates")
    parser.add_argument("--destination", help="name or id of its place for backups")
    return parser.parse_args()


def _walk(story: Story) -> int:
    began = time.monotonic()
    good = True
    print(f"{'chapter':22}{'seconds':>8}{'steps':>7}  outcome")
    for title, chapter in CHAPTERS:
        start = time.monotonic()
        try:
            words = chapter(story)
        except AssertionError as trouble:
            words, good = f"FAILED: {trouble}", False
        print(f"{title:22}{time.monotonic() - start:8.1f}{story.steps():7}  {words}", flush=True)
        if not good:
            break
    left = story.left() if good else ["not looked at"]
    print(f"{'left on the target':22}{'; '.join(left) or 'nothing but what was named'}")
    if good:
        _certificate(story)
    print(f"{'seconds in all':22}{time.monotonic() - began:8.1f}")
    return 0 if good and not left else 1


def _certificate(story: Story) -> None:
    with story.desk.reading() as session:
        made: Any = leaving.certificate(session, tenants.find(session, "acme", away=True))
    print(f"{'certificate':22}{len(made.removed)} removed, {len(made.gone)} gone already")
    for thing in (*made.volumes, *made.backups):
        print(f"{'kept':22}{thing}")


if __name__ == "__main__":
    sys.exit(main())

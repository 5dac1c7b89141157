"""Both sides in the same words: a clean pair differs in nothing, and each change is one finding."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenantry.planning import drift, recorded, recorded_databases
from tenantry.planning.backups import NIGHTLY, kept_files
from tenantry.planning.blueprint import Alias, BackupPlan, Blueprint, DatabaseSpec, ServiceSpec
from tenantry.planning.differences import fingerprints
from tenantry.planning.drift import Difference, Environment, Thing
from tenantry.planning.environment import dotenv
from tenantry.planning.limits import Limits
from tenantry.planning.naming import volume_name
from tenantry.planning.recorded import Kept
from tenantry.planning.sources import Build, ComposeSource, GitSource, ImageSource, Volume
from tenantry.ports import (
    ApplicationSeen,
    BackupSeen,
    BackupWish,
    ComposeSeen,
    DatabaseSeen,
    DomainSeen,
    MountSeen,
    RedirectSeen,
)
from tenantry.steps import shown
from tenantry.steps.aliases import pattern
from tenantry.steps.application import running_of
from tests.planning.blueprints import DATABASE, blueprint, service

MARKER = "tenantry:acme"
words = st.text("abcz019-", min_size=1, max_size=12).map(lambda t: f"a{t}")
limits = st.builds(
    Limits,
    st.none() | st.sampled_from([0.5, 1.0, 1.5, 32.0]),
    st.none() | st.integers(512, 65_536),
)
values = st.dictionaries(st.sampled_from(["A", "B", "COLOUR"]), words, max_size=3)
builds = st.builds(
    Build,
    type=st.sampled_from(["dockerfile", "nixpacks", "static", "railpack"]),
    dockerfile=words,
    context_path=st.just("") | words,
    stage=st.just("") | words,
    publish_directory=st.none() | words,
    static_spa=st.booleans(),
)
sources = st.one_of(
    st.builds(GitSource, st.just("https://github.com/a/b"), words, st.just("/") | words),
    st.builds(ImageSource, words),
    st.builds(ComposeSource, words, words),
)


@st.composite
def specs(draw: Any) -> ServiceSpec:
    source = draw(sources)
    compose = isinstance(source, ComposeSource)
    exposed = draw(st.booleans())
    aliases = draw(st.lists(st.booleans(), max_size=2)) if exposed and not compose else []
    return service(
        "web",
        git=source if isinstance(source, GitSource) else None,
        image=source if isinstance(source, ImageSource) else None,
        compose=source if compose else None,
        build=draw(builds),
        replicas=draw(st.integers(0, 50)),
        limits=draw(limits),
        args=tuple(draw(st.lists(words, max_size=2))),
        volumes=() if compose else tuple(draw(st.just([]) | st.just([Volume("data", "/data")]))),
        hostname="acme.example.com" if exposed else None,
        aliases=tuple(Alias(f"a{n}.example.org", redirect) for n, redirect in enumerate(aliases)),
    )


def seen_of(plan: Blueprint, spec: ServiceSpec, kept: Kept, text: str, *, rests: bool) -> Any:
    """What a target shows of a service to which exactly this was done."""
    certificate = plan.certificate if plan.https else "none"
    hosts = [spec.hostname, *(a.hostname for a in spec.aliases)] if spec.hostname else []
    domains = tuple(
        DomainSeen(f"d{n}", host, "/", spec.port, plan.https, certificate, enabled=not rests)
        for n, host in enumerate(hosts)
    )
    status = "idle" if rests else "done"
    about: dict[str, Any] = {
        "id": "x1",
        "name": "web",
        "app_name": "web-1",
        "description": f"{kept.marker} Acme",
        "status": status,
        "env": text,
        "domains": domains,
    }
    if spec.compose:
        return ComposeSeen(file=spec.compose.file, **about)
    running = running_of(spec)
    return ApplicationSeen(
        source_type="git" if spec.git else "docker",
        git=spec.git,
        image=spec.image.image if spec.image else None,
        build=spec.build,
        replicas=running.replicas,
        memory=running.limits.memory_bytes,
        cpu=running.limits.nano_cpus,
        args=running.args,
        stop_first=running.stop_first,
        auto_deploy=False,
        fresh_build=False,
        rollback=False,
        redirects=tuple(
            RedirectSeen("r", pattern(a.hostname), f"https://{spec.hostname}/", permanent=True)
            for a in spec.aliases
            if a.redirect
        ),
        mounts=tuple(
            MountSeen("m", "volume", volume_name("web-1", v.name), v.path) for v in spec.volumes
        ),
        **about,
    )


def both(
    plan: Blueprint, spec: ServiceSpec, text: str, *, rests: bool = False
) -> tuple[dict[str, Thing], Any, Kept]:
    """Our side as applied, what is seen, and the row between them."""
    marks = fingerprints(plan, spec)
    kept = Kept(
        "web",
        "tenantry:web",
        "x1",
        "web-1",
        {**marks, "env_keys": {}},
        shown.read_environment(MARKER, text),
        is_stack=spec.compose is not None,
    )
    ours = recorded.service(kept, recorded.chosen(kept, [plan]), suspended=rests)
    return ours, seen_of(plan, spec, kept, text, rests=rests), kept


def theirs_of(kept: Kept, seen: Any, spec: ServiceSpec) -> dict[str, Thing]:
    if isinstance(seen, ComposeSeen):
        return shown.stack(kept, seen, MARKER)
    return shown.application(kept, seen, MARKER, [a.hostname for a in spec.aliases])


@given(spec=specs(), env=values, https=st.booleans(), rests=st.booleans())
def test_a_clean_pair_differs_in_nothing(
    spec: ServiceSpec, env: Mapping[str, str], *, https: bool, rests: bool
) -> None:
    plan = blueprint(spec, https=https)
    ours, seen, kept = both(plan, spec, dotenv(env), rests=rests)
    if spec.compose and rests:
        # A stack's routers go with its containers, not by their switch.
        seen = replace(seen, domains=tuple(replace(d, enabled=True) for d in seen.domains))
    assert drift.compare(ours, theirs_of(kept, seen, spec)) == []


@given(specs(), st.data())
def test_each_moved_field_is_exactly_one_difference(spec: ServiceSpec, data: Any) -> None:
    ours, seen, kept = both(blueprint(spec), spec, "A=1")
    theirs = theirs_of(kept, seen, spec)
    name = data.draw(st.sampled_from(sorted(ours)))
    label = data.draw(st.sampled_from(sorted(ours[name].fields)))
    moved = replace(theirs[name], fields={**theirs[name].fields, label: "elsewhere"})
    (found,) = drift.compare(ours, {**theirs, name: moved})
    assert (found.thing, found.field, found.theirs, found.mover) == (
        name,
        label,
        "elsewhere",
        "target",
    )
    # An attempt of ours that would leave just this explains it.
    assert drift.compare(ours, {**theirs, name: moved}, [{name: moved}]) == []


@given(specs(), st.data())
def test_what_is_gone_or_came_is_exactly_one_difference(spec: ServiceSpec, data: Any) -> None:
    ours, seen, kept = both(blueprint(spec), spec, "A=1")
    theirs = theirs_of(kept, seen, spec)
    name = data.draw(st.sampled_from(sorted(ours)))
    left = {n: t for n, t in theirs.items() if name not in {n, t.root}}
    found = drift.compare(ours, left)
    assert [(d.thing, d.field) for d in found] == [(name, "missing")]
    more = {**theirs, "web domain new.org": Thing({"port": "1"}, "web", "web")}
    assert [(d.thing, d.field) for d in drift.compare(ours, more)] == [
        ("web domain new.org", "extra")
    ]


@given(specs(), words)
def test_a_part_that_nothing_explains_is_left_out(spec: ServiceSpec, mark: str) -> None:
    ours, seen, kept = both(blueprint(spec), spec, "A=1")
    unknown = replace(kept, applied={**dict.fromkeys(kept.applied, mark)})
    bare = recorded.service(unknown, recorded.chosen(unknown, []), suspended=False)
    assert set(bare) == {"web"}
    assert "image" not in bare["web"].fields
    assert drift.compare(bare, {"web": theirs_of(kept, seen, spec)["web"]}) == []
    assert set(bare["web"].fields) <= set(ours["web"].fields)


@given(values, values)
def test_environments_are_told_by_key_and_never_by_value(
    ours: dict[str, str], theirs: dict[str, str]
) -> None:
    mine = shown.read_environment(MARKER, dotenv(ours))
    other = shown.read_environment(MARKER, dotenv(theirs))
    said = drift.environment_words(mine, other)
    assert (said[0] == said[1]) is (ours == theirs)
    moved = {k for k in ours.keys() | theirs.keys() if ours.get(k) != theirs.get(k)}
    named = {w.strip(",;") for w in said[1].split()} & {"A", "B", "COLOUR"}
    assert ours == {} or named == moved
    for value in {*ours.values(), *theirs.values()}:
        assert value not in said[1].split()


def test_the_same_values_in_other_words_are_told_too() -> None:
    mine = shown.read_environment(MARKER, "A=1")
    said = drift.environment_words(mine, shown.read_environment(MARKER, "A='1'\n"))
    assert said == ("as set", "the same values, written in another way")
    assert drift.environment_words(Environment("x"), mine)[1] == "another text"


@given(asked=limits, rests=st.booleans(), enabled=st.booleans())
def test_a_clean_database_differs_in_nothing(asked: Limits, *, rests: bool, enabled: bool) -> None:
    spec = replace(DATABASE, limits=asked)
    plan = blueprint(service("web"), database=spec)
    night = BackupPlan("dst", "0 2 * * *", 7, gate=True, enabled=enabled)
    kept = Kept(spec.service, "tenantry:db", "db1", "db-1", recorded_databases.applied(plan))
    ours = recorded_databases.database(kept, [plan], night, suspended=rests)
    assert len(ours) == 2
    theirs = shown.database(kept, _database_seen(spec, night), "tenantry-nightly")
    assert drift.compare(ours, theirs) == []


def _database_seen(spec: DatabaseSpec, night: BackupPlan) -> DatabaseSeen:
    wish = BackupWish(
        night.destination_id,
        "/tenantry-nightly/",
        spec.database,
        night.schedule,
        kept_files(night, NIGHTLY),
        night.enabled,
    )
    return DatabaseSeen(
        id="db1",
        kind="postgres",
        name="db",
        app_name="db-1",
        description="tenantry:db Acme",
        status="done",
        image=spec.image,
        memory=spec.limits.memory_bytes,
        cpu=spec.limits.nano_cpus,
        backups=(BackupSeen("b", wish),),
    )


@pytest.mark.parametrize(
    ("memory", "cpu", "said"),
    [
        (None, None, ("no limit", "no limit")),
        ("536870912", "500000000", ("512 MB", "0.5 cores")),
        ("536870913", "500000001", ("536870913 bytes", "500000001 nanoCPUs")),
        ("256m", "0.5", ("“256m”", "“0.5”")),
    ],
)
def test_limits_are_told_exactly(memory: Any, cpu: Any, said: tuple[str, str]) -> None:
    assert tuple(recorded.limits(memory, cpu).values()) == said


def test_no_password_is_told() -> None:
    url = recorded.without_credentials("https://me:hunter2@github.com/a/b")
    assert "hunter2" not in url
    assert url.endswith("@github.com/a/b")
    assert url != recorded.without_credentials("https://me:other@github.com/a/b")
    assert "hunter2" not in recorded.arguments(["--password", "hunter2"])


def test_long_names_are_cut_and_stay_apart() -> None:
    one, two = (drift.named("web", "domain", f"{'a' * 200}{n}") for n in "12")
    assert len(one) == len(two) == drift.LONGEST_THING
    assert one != two


def test_extras_and_doubles() -> None:
    listed = [
        ("application", "1", "web", "tenantry:web Acme"),
        ("application", "2", "web", ""),
        ("application", "3", "other", "tenantry:web"),
        ("compose", "4", "web", "a note"),
    ]
    found = drift.extras(listed, {"1"}, {"tenantry:web"})
    assert [(d.thing, d.field) for d in found] == [
        ("application web (2)", "doubled"),
        ("application other (3)", "doubled"),
        ("compose web (4)", "extra"),
    ]
    strange = drift.foreign([("p", "dms", ""), ("q", "x", ""), ("r", "dms", "")], {"p"}, {"dms"})
    assert [(d.thing, d.field) for d in strange] == [
        ("project x (q)", "extra"),
        ("project dms (r)", "doubled"),
    ]
    assert isinstance(found[0], Difference)

"""The twins keep the quirks that the engine must live with, and break when they are told to."""

import threading

import pytest

from tenantry.adapters.wire import send_until
from tenantry.clock import monotonic
from tenantry.errors import Lost, Permanent, SecretUnreadable, TargetDown, Transient
from tenantry.planning.sources import GitSource, ImageSource
from tenantry.ports import DatabaseWish, HttpAnswer, Letter
from tests.twins import TargetTwin, Twins, ports_of_twins


@pytest.fixture
def twin():
    return TargetTwin()


def application(twin, name="web", marker="tenantry:s1"):
    environment = (
        next(iter(twin.project_rows.values()), None)
        or twin.create_project("tenant-acme", "tenantry:t1 Acme")
    ).environment_id
    made = twin.create_application(environment, name, "Acme-Web", f"{marker} {name}", None)
    twin.attach_git(made.id, GitSource("https://g.example/x.git", "main"))
    return made


def test_trap_1_nothing_is_unique_and_every_name_gets_a_suffix(twin):
    first, second = application(twin), application(twin)
    assert first.app_name != second.app_name
    assert first.app_name.startswith("acme-web-")
    for _ in range(2):
        twin.create_project("tenant-acme", "tenantry:t1 Acme")
    assert len(twin.projects_marked("tenantry:t1")) == 3
    assert twin.projects_marked("tenantry:t") == []


def test_trap_3_a_waiting_build_is_queued_and_not_listed(twin):
    app = application(twin)
    twin.trigger_build(app.id, "ours", "words")
    assert [(q.title, q.state) for q in twin.queue()] == [("ours", "waiting")]
    assert twin.application_status(app.id) == "idle"
    (build,) = twin.builds(app.id)
    assert (build.title, build.status) == ("ours", "running")
    assert [(q.title, q.state) for q in twin.queue()] == [("ours", "active")]


def test_trap_4_the_title_is_overwritten_at_the_end_and_containers_run(twin):
    app = application(twin)
    twin.trigger_build(app.id, "ours", "words")
    twin.builds(app.id)
    assert list(twin.containers(app.app_name, None)) == []
    (build,) = twin.builds(app.id)
    assert build.status == "done"
    assert build.title != "ours"
    assert build.description.startswith("Commit: ")
    assert [(c.state, c.wanted) for c in twin.containers(app.app_name, None)] == [
        ("running", "running")
    ]


def test_an_image_keeps_its_title(twin):
    app = application(twin)
    twin.attach_image(app.id, ImageSource("nginx:1.27"))
    twin.trigger_build(app.id, "ours", "words")
    twin.finish_builds()
    assert [b.title for b in twin.builds(app.id)] == ["ours"]


def test_trap_5_about_ten_builds_are_kept(twin):
    app = application(twin)
    for number in range(14):
        twin.trigger_build(app.id, f"t{number}", "")
        twin.finish_builds()
    assert len(twin.builds(app.id)) == 10


def test_trap_6_a_restart_loses_the_queue_and_cancels_what_runs(twin):
    running, waiting = application(twin), application(twin, "api")
    twin.trigger_build(running.id, "a", "")
    twin.builds(running.id)
    twin.trigger_build(waiting.id, "b", "")
    twin.restart()
    assert list(twin.queue()) == []
    assert [b.status for b in twin.builds(running.id)] == ["cancelled"]
    assert twin.application_status(running.id) == "idle"
    assert list(twin.builds(waiting.id)) == []


def test_builds_end_as_planned(twin):
    app = application(twin)
    twin.plan_builds(app.id, "error", "done")
    for expected in ("error", "done", "done"):
        twin.trigger_build(app.id, "t", "")
        twin.builds(app.id)
        assert twin.builds(app.id)[0].status == expected
    assert "failed" in twin.build_log(twin.builds(app.id)[2].id, 10)


def test_builds_may_wait_for_the_test():
    twin = TargetTwin(looks_to_end=None)
    app = application(twin)
    twin.trigger_build(app.id, "t", "")
    assert list(twin.builds(app.id)) == []
    twin.start_builds()
    assert [b.status for b in twin.builds(app.id)] == ["running"]
    twin.finish_builds("error")
    assert [b.status for b in twin.builds(app.id)] == ["error"]


def test_done_says_nothing_about_containers(twin):
    app = application(twin)
    twin.app("web").crashes = True
    twin.trigger_build(app.id, "t", "")
    twin.finish_builds()
    assert twin.application_status(app.id) == "done"
    assert [c.state for c in twin.containers(app.app_name, None)] == ["failed"]


def test_databases_and_domains(twin):
    environment = twin.create_project("p", "m").environment_id
    wish = DatabaseWish("mongodb", "db", "acme-db", "tenantry:s2", "", "bob", "pw")
    made = twin.create_database(environment, wish, None)
    assert twin.database("mongodb", made.id).status == "idle"
    assert twin.database("redis", made.id) is None
    twin.deploy_database("mongodb", made.id, deadline=1)
    assert twin.database("mongodb", made.id).status == "done"
    app = application(twin)
    for _ in range(2):
        domain = twin.create_domain(app.id, "a.example", 80, https=True, certificate="none")
    assert len(twin.domains(app.id)) == 2
    twin.delete_domain(domain.id)
    twin.delete_domain(domain.id)
    assert len(twin.domains(app.id)) == 1


def test_what_is_not_there(twin):
    assert twin.project("p") is None
    assert twin.application_status("a") is None
    with pytest.raises(Permanent, match="404"):
        twin.attach_git("a", GitSource("https://g.example/x.git", "main"))
    with pytest.raises(Permanent, match="404"):
        twin.create_application("env", "a", "a", "", None)


def test_it_breaks_before_or_after_the_deed_and_as_often_as_told(twin):
    twin.fail("create_project", TargetDown("down"), times=2)
    for _ in range(2):
        with pytest.raises(TargetDown):
            twin.create_project("a", "m")
    assert twin.project_rows == {}
    twin.fail("create_project", Transient("lost", outcome_known=False), when="after")
    with pytest.raises(Transient):
        twin.create_project("a", "m")
    assert len(twin.project_rows) == 1
    assert twin.calls["create_project"] == 3
    twin.fail("*", TargetDown("down"))
    with pytest.raises(TargetDown):
        twin.queue()
    twin.fail("*", TargetDown("down"), times=5)
    twin.mend()
    assert list(twin.queue()) == []


def test_changes_obey_the_last_instant_and_reads_do_not(twin):
    send_until(monotonic())
    with pytest.raises(Lost):
        twin.create_project("a", "m")
    assert list(twin.queue()) == []
    assert twin.project_rows == {}


def test_threads_share_a_twin(twin):
    threads = [threading.Thread(target=twin.create_project, args=(f"p{n}", "m")) for n in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({p.id for p in twin.projects_marked("m")}) == 16


def test_all_ports_are_there_and_work():
    twins = Twins()
    ports = ports_of_twins(twins)
    assert ports.target("anything", "key") is twins.target
    twins.resolver.unknown("a.example", looks=1)
    assert [a.problem for a in ports.resolver.lookup("a.example")] == ["NXDOMAIN", "NXDOMAIN"]
    assert all(a.addresses for a in ports.resolver.lookup("a.example"))
    twins.web.answers("/health", 503, "refused", HttpAnswer(204, 1))
    seen = [ports.web.get("https://a.example/health", deadline=1) for _ in range(4)]
    assert [a.status for a in seen] == [503, None, 204, 200]
    ports.web.post("https://a.example/setup", headers={"k": "v"}, body={"a": 1}, deadline=1)
    assert (twins.web.seen[-1].method, twins.web.seen[-1].body) == ("POST", {"a": 1})
    ports.mailer.send(Letter("<a@b>", ("x@y",), "s", "t", "h"))
    assert [mail.message_id for mail in twins.mailer.outbox] == ["<a@b>"]
    sealed = ports.secrets.seal("hunter2", "here")
    assert ports.secrets.open(sealed) == "hunter2"
    with pytest.raises(SecretUnreadable):
        ports.secrets.open(ports.secrets.seal("x", "a").__class__(sealed.ciphertext, "twin", "b"))

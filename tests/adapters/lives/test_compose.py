"""Stacks on the twin and on the stand-in server: both keep the same quirks."""

from tests.adapters.lives.levers import FILE, deploy, swarm, until


def test_a_stack_is_stored_raw_and_nobody_deploys_it(target, stack):
    target.set_compose_environment(stack.id, "A=1")
    seen = target.compose(stack.id)
    assert (seen.file, seen.env, seen.stack, seen.auto_deploy) == (FILE, "A=1", True, False)
    assert list(target.compose_services(stack.id)) == ["web", "worker"]
    assert seen.status == "idle"


def test_a_stack_is_deployed_stopped_and_comes_back(target, stack):
    made = target.create_compose_domain(
        stack.id, "web", "s.demo.test", 80, https=False, certificate="none"
    )
    assert [(d.id, d.service) for d in target.compose_domains(stack.id)] == [(made.id, "web")]
    assert deploy(target, stack).status == "done"

    def names():
        tasks = target.compose_containers(stack.app_name, None)
        return {t.name.rpartition(".")[0] for t in tasks if t.state == "running"}

    both = {f"{stack.app_name}_web", f"{stack.app_name}_worker"}
    until(lambda: names() == both)
    assert {a.name for a in target.node_apps(None)} >= both
    target.stop_compose(stack.id)
    until(lambda: not names())
    assert target.compose(stack.id).status == "idle"
    deploy(target, stack)
    until(lambda: names() == both)
    target.delete_compose(stack.id)
    target.delete_compose(stack.id)
    assert target.compose(stack.id) is None
    assert list(target.compose_services(stack.id)) == list(target.compose_builds(stack.id)) == []


def test_a_deleted_stack_may_run_on(target, levers, stack):
    deploy(target, stack)
    name = f"{stack.app_name}_web"
    until(lambda: swarm(target, name) is not None)
    levers.linger()
    target.delete_compose(stack.id)
    assert target.compose(stack.id) is None
    assert swarm(target, name) is not None

"""One handler for each kind of step. Each brings one thing to its goal and may run again."""

from collections.abc import Mapping
from types import MappingProxyType

from tenantry.steps import (
    application,
    build,
    database,
    domains,
    environment,
    health,
    mail,
    project,
    provision,
    running,
    suspension,
    teardown,
)
from tenantry.steps.context import Handler

HANDLERS: Mapping[str, Handler] = MappingProxyType(
    {
        "project.create": project.create,
        "db.create": database.create,
        "db.deploy": database.deploy,
        "service.create": application.create,
        "service.git_attach": application.attach_git,
        "service.build_config": application.configure_build,
        "service.env_set": environment.set_environment,
        "service.mount": running.mount,
        "service.settings": running.configure,
        "service.fresh_build": running.fresh_build,
        "service.cached_build": running.cached_build,
        "service.reload": running.reload,
        "service.observe": running.observe,
        "service.roll_back": running.roll_back,
        "service.deploy": build.trigger,
        "service.wait_deploy": build.wait,
        "service.schedules_off": suspension.schedules_off,
        "service.schedules_on": suspension.schedules_on,
        "domains.switch_off": suspension.domains_off,
        "domains.switch_on": suspension.domains_on,
        "service.stop": suspension.stop,
        "service.wake": suspension.wake,
        "service.wait_wake": suspension.wait_wake,
        "db.stop": suspension.stop_database,
        "db.start": suspension.start_database,
        "teardown.wait_builds": teardown.wait_builds,
        "service.schedules_remove": teardown.remove_schedules,
        "domains.remove": teardown.remove_domains,
        "service.remove": teardown.remove_service,
        "db.remove": teardown.remove_database,
        "service.image_remove": teardown.remove_image,
        "project.remove": teardown.remove_project,
        "teardown.certify": teardown.certify,
        "volumes.remove": teardown.remove_volumes,
        "domains.create": domains.create,
        "domains.wait_propagation": domains.wait_propagation,
        "health.check": health.check,
        "health.retry": health.check,
        "internal.provision": provision.call,
        "email.notify_success": mail.tell,
        "email.notify_failure": mail.tell,
    }
)

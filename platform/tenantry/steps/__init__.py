"""One handler for each kind of step. Each brings one thing to its goal and may run again."""

from collections.abc import Mapping
from types import MappingProxyType

from tenantry.steps import application, build, database, domains, health, mail, project, provision
from tenantry.steps.context import Handler

HANDLERS: Mapping[str, Handler] = MappingProxyType(
    {
        "project.create": project.create,
        "db.create": database.create,
        "db.deploy": database.deploy,
        "service.create": application.create,
        "service.git_attach": application.attach_git,
        "service.build_config": application.configure_build,
        "service.env_set": application.set_environment,
        "service.deploy": build.trigger,
        "service.wait_deploy": build.wait,
        "domains.create": domains.create,
        "domains.wait_propagation": domains.wait_propagation,
        "health.check": health.check,
        "health.retry": health.check,
        "internal.provision": provision.call,
        "email.notify_success": mail.tell,
        "email.notify_failure": mail.tell,
    }
)

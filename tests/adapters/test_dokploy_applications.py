"""Applications and their domains: every field that is sent, word for word."""

import httpx
import pytest

from tenantry.errors import Transient
from tenantry.planning.limits import Limits
from tenantry.planning.sources import Build, GitSource, ImageSource
from tenantry.ports import Running
from tests.adapters.dokploy_server import (
    APP,
    Server,
    target,
)


def test_trap_1_the_name_that_counts_is_the_one_with_the_suffix():
    server = Server(application__create=APP)
    made = target(server).create_application("env1", "web", "acme-web", "tenantry:s1 web", None)
    assert made.app_name == "acme-web-4kdbwc"
    assert server.sent("application.create") == {
        "environmentId": "env1",
        "name": "web",
        "appName": "acme-web",
        "description": "tenantry:s1 web",
        "serverId": None,
    }


def test_trap_10_and_55_automatic_deploys_are_off_and_a_failed_update_pauses():
    server = Server(application__update=True)
    target(server).settle_application("app1", Running(args=("serve", "--port 80")))
    assert server.sent("application.update") == {
        "applicationId": "app1",
        "autoDeploy": False,
        "updateConfigSwarm": {"Parallelism": 1, "Order": "start-first", "FailureAction": "pause"},
        "args": ["serve", "--port 80"],
        "replicas": 1,
        "memoryLimit": None,
        "cpuLimit": None,
    }


def test_trap_53_replicas_and_exact_limits_and_stop_first_for_what_has_a_volume():
    server = Server(application__update=True)
    running = Running(replicas=0, limits=Limits(0.5, 512), stop_first=True)
    target(server).configure_application("app1", running)
    assert server.sent("application.update") == {
        "applicationId": "app1",
        "updateConfigSwarm": {"Parallelism": 1, "Order": "stop-first", "FailureAction": "pause"},
        "args": None,
        "replicas": 0,
        "memoryLimit": "536870912",
        "cpuLimit": "500000000",
    }


REQUIRED = {
    "application.saveGitProvider": (
        lambda t: t.attach_git("app1", GitSource("https://g.example/x.git", "v1.2")),
        {
            "applicationId": "app1",
            "customGitUrl": "https://g.example/x.git",
            "customGitBranch": "v1.2",
            "customGitBuildPath": "/",
            "customGitSSHKeyId": None,
            "enableSubmodules": False,
            "watchPaths": [],
        },
    ),
    "application.saveDockerProvider": (
        lambda t: t.attach_image("app1", ImageSource("nginx:1.27")),
        {
            "applicationId": "app1",
            "dockerImage": "nginx:1.27",
            "username": None,
            "password": None,
            "registryUrl": None,
        },
    ),
    "application.saveBuildType": (
        lambda t: t.set_build("app1", Build("static", publish_directory="dist", static_spa=True)),
        {
            "applicationId": "app1",
            "buildType": "static",
            "dockerfile": "Dockerfile",
            "dockerContextPath": "",
            "dockerBuildStage": "",
            "herokuVersion": "24",
            "railpackVersion": "0.15.4",
            "publishDirectory": "dist",
            "isStaticSpa": True,
        },
    ),
    "application.saveEnvironment": (
        lambda t: t.set_environment("app1", "A=1\nB=2"),
        {
            "applicationId": "app1",
            "env": "A=1\nB=2",
            "buildArgs": "",
            "buildSecrets": "",
            "createEnvFile": False,
        },
    ),
}


@pytest.mark.parametrize("call", REQUIRED)
def test_trap_13_every_save_sends_every_field(call):
    deed, body = REQUIRED[call]
    server = Server(**{call: True})
    deed(target(server))
    assert server.sent(call) == body


def test_trap_3_a_deploy_answers_nothing():
    server = Server(application__deploy=httpx.Response(200))
    target(server).trigger_build("app1", "our title", "our words")
    assert server.sent("application.deploy") == {
        "applicationId": "app1",
        "title": "our title",
        "description": "our words",
    }


DOMAIN = {
    "domainId": "d1",
    "host": "acme.example.test",
    "path": "/",
    "port": 80,
    "https": True,
    "certificateType": "letsencrypt",
}


def test_trap_2_a_domain_is_created_with_all_that_the_target_does_not_check():
    server = Server(
        domain__create=DOMAIN, domain__byApplicationId=[DOMAIN, {**DOMAIN, "port": None}]
    )
    t = target(server)
    made = t.create_domain("app1", "acme.example.test", 80, https=True, certificate="letsencrypt")
    assert (made.id, made.path, made.port, made.https) == ("d1", "/", 80, True)
    assert server.sent("domain.create") == {
        "applicationId": "app1",
        "domainType": "application",
        "host": "acme.example.test",
        "path": "/",
        "port": 80,
        "https": True,
        "certificateType": "letsencrypt",
    }
    assert [d.port for d in t.domains("app1")] == [80, None]


def test_deleting_is_safe_to_repeat():
    server = Server(application__delete=APP, domain__delete=DOMAIN)
    t = target(server)
    t.delete_application("app1")
    t.delete_domain("d1")
    assert server.sent("application.delete") == {"applicationId": "app1"}
    assert server.sent("domain.delete") == {"domainId": "d1"}


def test_no_answer_shows_the_environment_that_came_with_it():
    row = {"applicationId": "a", "env": "DB_PASSWORD=hunter2"}
    with pytest.raises(Transient) as trouble:
        target(Server(application__create=row)).create_application("e", "w", "w", "d", None)
    assert "hunter2" not in str(trouble.value)
    assert trouble.value.__cause__ is None

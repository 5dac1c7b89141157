"""What an application was given reaches what it names, or not, with the reason."""

import pytest


@pytest.fixture
def give(dokploy):
    """An application with one connection URL, and what came of it."""

    def given(url):
        row = dokploy.application()
        host = f"{row['appName']}.demo.test"
        dokploy.do("domain.create", host=host, applicationId=row["applicationId"])
        dokploy.set_env(row["applicationId"], f"DATABASE_URL={url}")
        dokploy.deploy(row["applicationId"])
        return dokploy.visit(host, "/_db?name=DATABASE_URL")

    return given


@pytest.mark.parametrize(
    ("kind", "url"),
    [
        ("postgres", "postgresql://ann:pw1@{0}:5432/shop"),
        ("mysql", "mysql://ann:pw1@{0}:3306/shop"),
        ("mariadb", "mysql+pymysql://ann:pw1@{0}/shop"),
        ("mongo", "mongodb://ann:pw1@{0}:27017/?authSource=admin&directConnection=true"),
        ("redis", "redis://default:pw1@{0}:6379"),
        ("redis", "redis://:pw1@{0}:6379/0"),
    ],
)
def test_right_urls_reach_their_database(dokploy, give, kind, url):
    row = dokploy.database(kind)

    answer = give(url.format(row["appName"]))

    assert (answer.status_code, answer.json()) == (200, {"ok": True, "kind": kind})


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("postgresql://ann:wrong@{0}:5432/shop", "wrong password"),
        ("postgresql://bob:pw1@{0}:5432/shop", "unknown user"),
        ("postgresql://ann:pw1@{0}:5433/shop", "does not listen"),
        ("postgresql://ann:pw1@{0}:5432/other", "unknown database"),
        ("mysql://ann:pw1@{0}:5432/shop", "does not speak"),
        ("postgresql://ann:pw1@elsewhere:5432/shop", "no such host"),
        ("nonsense", "not a URL"),
    ],
)
def test_wrong_urls_are_told_with_the_reason(dokploy, give, url, reason):
    answer = give(url.format(dokploy.database()["appName"]))

    assert answer.status_code == 502
    assert reason in answer.json()["reason"]


def test_a_stopped_database_refuses_connections(dokploy, give):
    row = dokploy.database()
    dokploy.do("postgres.stop", postgresId=row["postgresId"])

    assert "does not run" in give(f"postgresql://ann:pw1@{row['appName']}/shop").json()["reason"]


@pytest.mark.parametrize(
    ("image", "url", "status"),
    [
        ("eqalpha/keydb:6", "redis://default:pw@{0}:6379", 200),
        ("eqalpha/keydb:6", "redis://:no@{0}:6379", 502),
        ("docker.dragonflydb.io/dragonflydb/dragonfly:1", "redis://:pw@{0}:6379/1", 200),
    ],
)
def test_servers_with_their_password_in_the_arguments(dokploy, give, image, url, status):
    row = dokploy.application(image=image)
    dokploy.do(
        "application.update", applicationId=row["applicationId"], args=["--requirepass", "pw"]
    )
    dokploy.deploy(row["applicationId"])

    assert give(url.format(row["appName"])).status_code == status


@pytest.mark.parametrize(
    ("url", "status"),
    [
        ("http://ann:pw@{0}:8123/shop", 200),
        ("clickhouse://ann:pw@{0}:9000/shop", 200),
        ("http://ann:pw@{0}:9000/shop", 502),
    ],
)
def test_clickhouse_is_asked_with_what_stands_in_its_environment(dokploy, give, url, status):
    row = dokploy.application(image="clickhouse/clickhouse-server:25")
    dokploy.set_env(
        row["applicationId"],
        "CLICKHOUSE_USER=ann\nCLICKHOUSE_PASSWORD=pw\nCLICKHOUSE_DB=shop",
    )
    dokploy.deploy(row["applicationId"])

    assert give(url.format(row["appName"])).status_code == status


def test_the_running_version_tells_its_environment(dokploy):
    row = dokploy.application()
    dokploy.do("domain.create", host="a.demo.test", applicationId=row["applicationId"])
    dokploy.set_env(row["applicationId"], "A=one")
    dokploy.deploy(row["applicationId"])
    dokploy.set_env(row["applicationId"], "A=two")

    assert dokploy.visit("a.demo.test", "/_env?name=A").json()["value"] == "one"
    assert dokploy.visit("a.demo.test", "/_env?name=B").status_code == 404
    assert dokploy.visit("a.demo.test", "/_db?name=B").status_code == 404

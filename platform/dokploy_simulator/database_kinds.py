"""What is particular to each kind of database."""

from dataclasses import dataclass
from typing import Any, Final

_PLACE: Final = "name:str+ appName:appname? dockerImage:str? environmentId:str description:str?~"


@dataclass(frozen=True, slots=True)
class Kind:
    """What is particular to one kind of database."""

    name: str
    label: str
    image: str
    folder: str
    fields: str
    extra: tuple[tuple[str, Any], ...] = ()
    backups: bool = True

    @property
    def id_name(self) -> str:
        """The name of its id."""
        return f"{self.name}Id"


KINDS: Final = (
    Kind(
        "postgres",
        "Postgres",
        "postgres:18",
        "/var/lib/postgresql/data",
        "name:str+ appName:appname? databaseName:str+ databaseUser:str+"
        " databasePassword:password dockerImage:str? environmentId:str description:str?~"
        " serverId:str?~",
    ),
    Kind(
        "mysql",
        "MySql",
        "mysql:8",
        "/var/lib/mysql",
        f"{_PLACE} databaseName:str+ databaseUser:str+ databasePassword:password"
        " databaseRootPassword:password? serverId:str?~",
    ),
    Kind(
        "mariadb",
        "Mariadb",
        "mariadb:11",
        "/var/lib/mysql",
        f"{_PLACE} databaseName:str+ databaseUser:str+ databasePassword:password"
        " databaseRootPassword:password? serverId:str?~",
    ),
    Kind(
        "mongo",
        "Mongo",
        "mongo:15",
        "/data/db",
        f"{_PLACE} databaseUser:str+ databasePassword:password serverId:str?~ replicaSets:bool?~",
        extra=(("replicaSets", False),),
    ),
    Kind(
        "redis",
        "Redis",
        "redis:8",
        "/data",
        "name:str+ appName:appname? databasePassword:password dockerImage:str? environmentId:str"
        " description:str?~ serverId:str?~",
        backups=False,
    ),
    Kind(
        "libsql",
        "Libsql",
        "ghcr.io/tursodatabase/libsql-server:v0.24.32",
        "/var/lib/sqld",
        "name:str+ appName:appname! dockerImage:str? environmentId:str description:str~!"
        " databaseUser:str+ databasePassword:password sqldNode:{primary,replica}!"
        " sqldPrimaryUrl:str~! enableNamespaces:bool serverId:str~!",
    ),
)

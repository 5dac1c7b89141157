"""What a procedure may answer besides a value: nothing at all, or an error."""

from typing import Any, Final

HTTP_STATUS: Final = {
    "BAD_REQUEST": 400,
    "UNAUTHORIZED": 401,
    "FORBIDDEN": 403,
    "NOT_FOUND": 404,
    "CONFLICT": 409,
    "UNSUPPORTED_MEDIA_TYPE": 415,
    "INTERNAL_SERVER_ERROR": 500,
}
TRPC_CODE: Final = {
    "BAD_REQUEST": -32600,
    "UNAUTHORIZED": -32001,
    "FORBIDDEN": -32003,
    "NOT_FOUND": -32004,
    "CONFLICT": -32009,
    "UNSUPPORTED_MEDIA_TYPE": -32015,
    "INTERNAL_SERVER_ERROR": -32603,
}


class _Empty:
    """The type of EMPTY."""


EMPTY: Final = _Empty()
"""A 200 whose body has no bytes: a reader that parses it as JSON fails."""


class ApiErrorAnswer(Exception):
    """A refusal in the code shape; never retried by us, the client decides."""

    def __init__(
        self, code: str, message: str, *, issues: list[dict[str, Any]] | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.issues = issues

    @property
    def status(self) -> int:
        """The HTTP status that belongs to the code."""
        return HTTP_STATUS[self.code]

    def data(self, path: str | None) -> dict[str, Any]:
        """The ``data`` member; ``path`` is left out where no procedure was found."""
        zod: dict[str, Any] | None = None
        if self.issues is not None:
            fields: dict[str, list[str]] = {}
            for issue in self.issues:
                fields.setdefault(str(issue["path"][0]), []).append(issue["message"])
            zod = {"formErrors": [], "fieldErrors": fields}
        data: dict[str, Any] = {"code": self.code, "httpStatus": self.status}
        if path is not None:
            data["path"] = path
        return data | {"zodError": zod}

    def body(self, path: str | None) -> dict[str, Any]:
        """The whole answer, raw JSON."""
        body: dict[str, Any] = {"message": self.message, "code": self.code, "data": self.data(path)}
        if self.issues is not None:
            body["issues"] = self.issues
        return body


def not_found(what: str) -> ApiErrorAnswer:
    """404 for a row that is not there."""
    return ApiErrorAnswer("NOT_FOUND", f"{what} not found")


def bad_request(message: str) -> ApiErrorAnswer:
    """400 without ``issues``: the input was well formed and still refused."""
    return ApiErrorAnswer("BAD_REQUEST", message)


def server_error(message: str) -> ApiErrorAnswer:
    """500; on the real server not always transient."""
    return ApiErrorAnswer("INTERNAL_SERVER_ERROR", message)


def failed_query(verb: str, table: str, values: dict[str, Any]) -> str:
    """
    The message of a foreign-key mistake: SQL with the parameters in clear.

    Clients must redact it, so it carries every value it was given.
    """
    columns = ", ".join(f'"{name}" = ${place}' for place, name in enumerate(values, start=1))
    parameters = ",".join("" if value is None else str(value) for value in values.values())
    return f'Failed query: {verb} "{table}" set {columns}\nparams: {parameters}'

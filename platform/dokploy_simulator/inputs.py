"""
Input fields of procedures, written in a line, and their refusals in zod's words.

A field reads ``name:type`` and flags: ``?`` may be missing, ``~`` may be null, ``+`` not empty,
``!`` its absence is told as "nonoptional". Types: ``str``, ``num``, ``int``, ``bool``, ``list``,
``obj``, ``any``, an enumeration ``{a,b}``, or a name from ``TYPES`` below.
"""

import re
from dataclasses import dataclass
from typing import Any, Final

from dokploy_simulator.answers import ApiErrorAnswer

Issue = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Rule:
    """A named type: its base and the limits it adds."""

    base: str
    pattern: str | None = None
    message: str = ""
    least: int | None = None
    most: int | None = None
    default: Any = None
    keys: tuple[str, ...] | None = None
    least_message: str | None = None


TYPES: Final[dict[str, Rule]] = {
    "appname": Rule(
        "str",
        r"^[a-zA-Z0-9._-]+$",
        "App name can only contain letters, numbers, dots, underscores and hyphens",
        least=1,
        most=63,
    ),
    "branch": Rule("str", r"^[a-zA-Z0-9._\-/#]+$", "Invalid branch name", least=1),
    "password": Rule(
        "str",
        r"^[a-zA-Z0-9@#%^&*()_+\-=[\]{}|;:,.<>?~`]*$",
        "Password contains invalid characters. Please avoid: $ ! ' \" \\ / and space characters"
        " for database compatibility",
    ),
    "port": Rule("num", least=1, most=65535, least_message="Port must be at least 1"),
    "host": Rule("str", least=1),
    "tail": Rule("int", least=1, most=10000, default=100),
    "limit": Rule("num", least=1, most=100, default=20),
    "offset": Rule("num", least=0, default=0),
    "since": Rule("str", r"^(all|\d+[smhd])$", "Invalid since format", default="all"),
    "slots": Rule("int", least=1, most=100),
    "health": Rule("obj", keys=("Test", "Interval", "Timeout", "StartPeriod", "Retries")),
    "restart": Rule("obj", keys=("Condition", "Delay", "MaxAttempts", "Window")),
    "placement": Rule("obj", keys=("Constraints", "Preferences", "MaxReplicas", "Platforms")),
    "rollout": Rule(
        "obj",
        keys=("Parallelism", "Delay", "FailureAction", "Monitor", "MaxFailureRatio", "Order"),
    ),
    "mode": Rule("obj", keys=("Replicated", "Global", "ReplicatedJob", "GlobalJob")),
    "endpoint": Rule("obj", keys=("Mode", "Ports")),
}
_FIELD: Final = re.compile(r"^(\w+):(\w+|\{[^}]+\})([?~+!]*)$")
_HOST: Final = re.compile(r"^(\*\.)?[A-Za-z0-9]([A-Za-z0-9-]*)(\.[A-Za-z0-9][A-Za-z0-9-]*)*$")
_BAD_HOST: Final = (
    "Invalid domain name. Use only letters, numbers, hyphens and dots (e.g. example.com)."
    " Underscores are not allowed."
)


@dataclass(frozen=True, slots=True)
class Field:
    """One input field."""

    name: str
    rule: Rule
    choices: tuple[str, ...]
    flags: str

    def missing(self) -> Issue:
        """The refusal of an absent field."""
        if "!" in self.flags:
            return {
                "code": "invalid_type",
                "expected": "nonoptional",
                "path": [self.name],
                "message": "Invalid input: expected nonoptional, received undefined",
            }
        if self.choices:
            return self._not_a_choice()
        return self._wrong_type("undefined")

    def _not_a_choice(self) -> Issue:
        listed = "|".join(f'"{choice}"' for choice in self.choices)
        return {
            "code": "invalid_value",
            "values": list(self.choices),
            "path": [self.name],
            "message": f"Invalid option: expected one of {listed}",
        }

    def _wrong_type(self, received: str) -> Issue:
        expected = _WORDS[self.rule.base]
        return {
            "expected": expected,
            "code": "invalid_type",
            "path": [self.name],
            "message": f"Invalid input: expected {expected}, received {received}",
        }

    def check(self, value: Any) -> tuple[Any, Issue | None]:
        """The value as stored, or why it is refused."""
        if value is None:
            return None, None if "~" in self.flags else self._wrong_type("null")
        base = self.rule.base
        issue: Issue | None = None
        if self.choices:
            issue = None if value in self.choices else self._not_a_choice()
        elif base == "bool":
            value = bool(value)  # the text "false" is true, as on the real server
        elif base in {"num", "int"}:
            value = _number(value)
            issue = self._wrong_type("NaN") if value is None else self._number_limits(value)
        elif base == "str":
            wrong = not isinstance(value, str)
            issue = self._wrong_type(_type_word(value)) if wrong else self._text_limits(value)
        else:
            issue = self._shape(value)
        return value, issue

    def _number_limits(self, value: float) -> Issue | None:
        rule = self.rule
        if rule.least is not None and value < rule.least:
            message = rule.least_message or f"Too small: expected number to be >={rule.least}"
            return _limit("number", "too_small", "minimum", rule.least, self.name, message)
        if rule.most is not None and value > rule.most:
            message = f"Too big: expected number to be <={rule.most}"
            return _limit("number", "too_big", "maximum", rule.most, self.name, message)
        return None

    def _text_limits(self, value: str) -> Issue | None:
        rule = self.rule
        least = rule.least if rule.least is not None else int("+" in self.flags)
        if len(value) < least:
            message = f"Too small: expected string to have >={least} characters"
            return _limit("string", "too_small", "minimum", least, self.name, message)
        if rule.most is not None and len(value) > rule.most:
            message = f"Too big: expected string to have <={rule.most} characters"
            return _limit("string", "too_big", "maximum", rule.most, self.name, message)
        if rule is TYPES["host"]:
            return _host_issue(self.name, value)
        if rule.pattern and not re.match(rule.pattern, value):
            return {
                "origin": "string",
                "code": "invalid_format",
                "format": "regex",
                "pattern": f"/{rule.pattern}/",
                "path": [self.name],
                "message": rule.message,
            }
        return None

    def _shape(self, value: Any) -> Issue | None:
        base = self.rule.base
        if (base == "list" and not isinstance(value, list)) or (
            base == "obj" and not isinstance(value, dict)
        ):
            return self._wrong_type(_type_word(value))
        if self.rule.keys is None:
            return None
        strange = [key for key in value if key not in (self.rule.keys)]
        if not strange:
            return None
        named = ", ".join(f'"{key}"' for key in strange)
        plural = "s" if len(strange) > 1 else ""
        return {
            "code": "unrecognized_keys",
            "keys": strange,
            "path": [self.name],
            "message": f"Unrecognized key{plural}: {named}",
        }


_WORDS: Final = {
    "str": "string",
    "num": "number",
    "int": "number",
    "bool": "boolean",
    "list": "array",
    "obj": "object",
    "any": "nonoptional",
}


def _limit(origin: str, code: str, end: str, edge: int, name: str, message: str) -> Issue:
    return {
        "origin": origin,
        "code": code,
        end: edge,
        "inclusive": True,
        "path": [name],
        "message": message,
    }


def _host_issue(name: str, value: str) -> Issue | None:
    if value != value.strip():
        message = "Domain name cannot have leading or trailing spaces"
    elif not _HOST.match(value):
        message = _BAD_HOST
    else:
        return None
    return {"code": "custom", "path": [name], "message": message}


def _number(value: Any) -> float | int | None:
    if isinstance(value, (int, float)):
        return int(value) if isinstance(value, bool) else value
    try:
        return int(value)
    except (TypeError, ValueError):
        pass
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _type_word(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, (int, float)):
        return "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"


def parse_fields(text: str) -> tuple[Field, ...]:
    """Read the line that describes a procedure's input; a slip in it is a ValueError."""
    fields = []
    for word in text.split():
        found = _FIELD.match(word)
        if found is None:
            raise ValueError(f"not a field: {word!r}")
        name, kind, flags = found.groups()
        choices = tuple(kind[1:-1].split(",")) if kind.startswith("{") else ()
        rule = Rule("str") if choices else TYPES.get(kind) or Rule(kind)
        fields.append(Field(name, rule, choices, flags))
    return tuple(fields)


def check_input(fields: tuple[Field, ...], given: Any) -> dict[str, Any]:
    """
    Known fields as stored; unknown ones are dropped without a word.

    Raises ApiErrorAnswer (400) naming every refused field at once.
    """
    given = given if isinstance(given, dict) else {}
    checked: dict[str, Any] = {}
    issues: list[Issue] = []
    for field in fields:
        if field.name not in given:
            if field.rule.default is not None:
                checked[field.name] = field.rule.default
            elif "?" not in field.flags:
                if field.rule.base == "bool" and "!" not in field.flags:
                    checked[field.name] = False  # coercion makes an absent boolean false
                else:
                    issues.append(field.missing())
            continue
        value, issue = field.check(given[field.name])
        if issue is None:
            checked[field.name] = value
        else:
            issues.append(issue)
    if issues:
        raise ApiErrorAnswer("BAD_REQUEST", "Input validation failed", issues=issues)
    return checked

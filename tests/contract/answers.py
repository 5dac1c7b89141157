"""Whether an answer is what a step expects, told as a list of what is wrong with it."""

import json
import re
from typing import Any

import httpx

from tests.contract.expectations import Step, shapes

Variables = dict[str, str]
_TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")
_KINDS: dict[str, type | tuple[type, ...]] = {
    "text": str,
    "id": str,
    "time": str,
    "number": (int, float),
    "bool": bool,
    "list": list,
    "object": dict,
}


class MissingVariableError(Exception):
    """A step needs what an earlier one did not bring."""


def filled(value: Any, variables: Variables) -> Any:
    """The value with every ``<name>`` replaced. Raises MissingVariableError."""
    if isinstance(value, str):
        for name in re.findall(r"<(\w+)>", value):
            if name not in variables:
                raise MissingVariableError(name)
            value = value.replace(f"<{name}>", variables[name])
        return value
    if isinstance(value, dict):
        return {key: filled(part, variables) for key, part in value.items()}
    if isinstance(value, list):
        return [filled(part, variables) for part in value]
    return value


def dig(value: Any, path: str) -> Any:
    """The part of a value a dotted path names. Raises LookupError."""
    for key in path.split("."):
        value = value[int(key)] if isinstance(value, list) else value[key]
    return value


def problems(step: Step, response: httpx.Response, variables: Variables) -> list[str]:
    """Everything wrong with an answer; nothing when it is as expected."""
    told = step.told
    if response.status_code != told["status"]:
        return [f"status {response.status_code}, not {told['status']}: {response.text[:300]}"]
    if told.get("answer") == "empty":
        return [f"not empty: {response.text[:80]}"] if response.content else []
    if "text" in told:
        return [] if response.text == told["text"] else [f"text {response.text[:80]!r}"]
    try:
        body = response.json()
    except json.JSONDecodeError:
        return [f"not JSON: {response.text[:80]!r}"]
    if "refusal" in told:
        return _refusal_problems(filled(told["refusal"], variables), body)
    if "is" in told:
        expected = filled(told["is"], variables)
        return [] if body == expected else [f"{body!r} is not {expected!r}"]
    if "contains" in told:
        return _text_problems(filled(told["contains"], variables), body)
    return _value_problems(step, body, variables)


def _text_problems(parts: list[str], body: Any) -> list[str]:
    if not isinstance(body, str):
        return [f"not a text: {body!r}"]
    return [f"{part!r} is not in {body[-300:]!r}" for part in parts if part not in body]


def _value_problems(step: Step, body: Any, variables: Variables) -> list[str]:
    procedure = step.told["call"].split()[1]
    found = shape_problems(shapes().get(procedure, "any"), body, "answer")
    if "length" in step.told and len(body) != step.told["length"]:
        found.append(f"{len(body)} rows, not {step.told['length']}")
    found += _row_problems(filled(step.told, variables), body)
    for path, expected in filled(step.told.get("values", {}), variables).items():
        try:
            value = dig(body, path)
        except (LookupError, TypeError):
            found.append(f"{path} is not there")
            continue
        found += _literal_problems(expected, value, path)
    return found


def _row_problems(told: dict[str, Any], rows: Any) -> list[str]:
    """Lists of a whole server: one row must be there, or must not be."""
    found = []
    for word, wanted in (("with", True), ("without", False)):
        if word in told:
            there = any(told[word].items() <= row.items() for row in map(_plain, rows))
            if there != wanted:
                found.append(f"{'no' if wanted else 'a'} row with {told[word]}")
    return found


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in row.items() if not isinstance(value, (dict, list))}


def _literal_problems(expected: Any, value: Any, path: str) -> list[str]:
    if isinstance(expected, dict) and "match" in expected:
        fits = isinstance(value, str) and re.search(expected["match"], value, re.DOTALL)
        return [] if fits else [f"{path} is {value!r}, not like {expected['match']}"]
    if isinstance(expected, dict) and "in" in expected:
        return [] if value in expected["in"] else [f"{path} is {value!r}"]
    return [] if value == expected else [f"{path} is {value!r}, not {expected!r}"]


def _refusal_problems(expected: dict[str, Any], body: Any) -> list[str]:
    if not isinstance(body, dict):
        return [f"not an object: {body!r}"]
    data = body.get("data", {})
    found = _literal_problems(expected["code"], body.get("code"), "code")
    found += _literal_problems(expected["message"], body.get("message"), "message")
    found += _literal_problems(expected["code"], data.get("code"), "data.code")
    found += _literal_problems(expected.get("path"), data.get("path"), "data.path")
    if "fields" in expected:
        told = (data.get("zodError") or {}).get("fieldErrors")
        found += _literal_problems(expected["fields"], told, "fieldErrors")
        if not body.get("issues"):
            found.append("no issues")
    return found


def shape_problems(shape: Any, value: Any, path: str) -> list[str]:
    """What keeps a value from having a shape. Keys nobody expects are welcome."""
    if isinstance(shape, dict):
        if not isinstance(value, dict):
            return [f"{path} is {type(value).__name__}, not an object"]
        whole = {key: part for key, part in shape.items() if key != "+"}
        if "+" in shape:
            whole = shapes()[shape["+"]] | whole
        found = [f"{path}.{key} is missing" for key in whole if key not in value]
        for key in whole.keys() & value.keys():
            found += shape_problems(whole[key], value[key], f"{path}.{key}")
        return found
    if isinstance(shape, list):
        if not isinstance(value, list):
            return [f"{path} is {type(value).__name__}, not a list"]
        return [
            problem
            for place, part in enumerate(value)
            for problem in shape_problems(shape[0], part, f"{path}.{place}")
        ]
    return _kind_problems(shape, value, path)


def _kind_problems(kind: str, value: Any, path: str) -> list[str]:
    bare = kind.removesuffix("?")
    if bare == "any" or (value is None and kind.endswith("?")):
        return []
    wrong = not isinstance(value, _KINDS[bare]) or (bare == "number" and isinstance(value, bool))
    if not wrong and bare == "time":
        wrong = _TIME.match(value) is None
    return [f"{path} is {value!r}, not {kind}"] if wrong else []

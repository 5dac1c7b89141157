"""Whether an answer counts as healthy."""

import re

from tenantry.errors import Invalid

RANGE = re.compile(r"([1-5][0-9]{2})(?:-([1-5][0-9]{2}))?")
DEFAULT_EXPECTED = "200-399"
LONGEST_EXPECTED = 60


def expected_status(text: str, field: str = "expected_status") -> str:
    """`200`, `200-399` or a list of both with commas, without its blanks; Invalid otherwise."""
    parts = [part.strip(" ") for part in text.split(",")]
    for part in parts:
        match = RANGE.fullmatch(part)
        if not match or (match[2] and match[2] < match[1]):
            raise Invalid(field, "must be like 200, 200-399 or 200,301-308", text)
    plain = ",".join(parts)
    if len(plain) > LONGEST_EXPECTED:
        raise Invalid(field, f"must have at most {LONGEST_EXPECTED} characters")
    return plain


def is_expected(status: int, expected: str) -> bool:
    """Whether a status lies in a checked `expected_status`."""
    for part in expected.split(","):
        low, _, high = part.strip().partition("-")
        if int(low) <= status <= int(high or low):
            return True
    return False

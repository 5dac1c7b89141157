"""
A reader of dotenv text, written from the grammar that the npm package `dotenv` (16) publishes.

It shares no code with the product. JavaScript's idea of blanks and of line ends is kept: U+FEFF is
blank there, and `^` and `$` also match at U+2028 and U+2029.
"""

import re

BLANK = "[\\t\\n\\v\\f\\r \\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000\\ufeff]"
START = r"(?:\A|(?<=[\n\r\u2028\u2029]))"
END = r"(?=[\n\r\u2028\u2029]|\Z)"
LINE = re.compile(
    rf"{START}{BLANK}*(?:export{BLANK}+)?([A-Za-z0-9_.-]+)(?:{BLANK}*={BLANK}*?|:{BLANK}+?)"
    rf"({BLANK}*'(?:\\'|[^'])*'|{BLANK}*\"(?:\\\"|[^\"])*\"|{BLANK}*`(?:\\`|[^`])*`|[^#\r\n]+)?"
    rf"{BLANK}*(?:#[^\n\r\u2028\u2029]*)?{END}"
)
QUOTED = re.compile(rf"{START}(['\"`])([\s\S]*)\1{END}")
TRIM = re.compile(rf"\A{BLANK}+|{BLANK}+\Z")


def read(text: str) -> dict[str, str]:
    """KEY → value, as the target reads them."""
    found = {}
    for match in LINE.finditer(re.sub(r"\r\n?", "\n", text)):
        value = TRIM.sub("", match[2] or "")
        first = value[:1]
        value = QUOTED.sub(lambda quoted: quoted[2], value)
        if first == '"':
            value = value.replace("\\n", "\n").replace("\\r", "\r")
        found[match[1]] = value
    return found

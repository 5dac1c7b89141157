"""
The only writer of log lines, status changes and audit entries; redacts what it writes.

`engine.fused` stores lines and changes of the common case itself, redacted and capped here.
"""

from tenantry.journal.entries import (
    audited,
    cap_details,
    cap_line,
    log_lines,
    logged,
    probed,
    status_changed,
    tried,
)
from tenantry.journal.redaction import Redactor

__all__ = [
    "Redactor",
    "audited",
    "cap_details",
    "cap_line",
    "log_lines",
    "logged",
    "probed",
    "status_changed",
    "tried",
]

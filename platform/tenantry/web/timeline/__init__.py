"""A deployment as its pages show it: plain values, read in a fixed number of queries."""

from tenantry.web.timeline.page import Timeline, seconds_of, timeline
from tenantry.web.timeline.rows import Row, rows_of

__all__ = ["Row", "Timeline", "rows_of", "seconds_of", "timeline"]

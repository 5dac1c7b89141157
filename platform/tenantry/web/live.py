"""
The part of a page that changes, with a tag that tells whether it has.

The tag is the mark of the deployment's standing; a page that is told 304 keeps what it shows.
"""

from flask import Response, make_response

from tenantry.web.events.standing import Standing
from tenantry.web.people import rank


def tag_of(standing: Standing) -> str:
    """Changes with all that the page shows, and with the role of who looks."""
    return f"{standing.mark}-{rank()}"


def unchanged(tag: str) -> Response:
    """304: nothing to show that is not shown."""
    answer = make_response("", 304)
    answer.set_etag(tag)
    return answer


def fresh(body: str, tag: str) -> Response:
    """The part, with its tag."""
    answer = make_response(body)
    answer.set_etag(tag)
    return answer

"""
The part of a page that changes, with a tag that tells whether it has.

The tag is the mark of the deployment's standing; a page that is told 304 keeps what it shows.
"""

from flask import Response, make_response
from sqlalchemy.orm import Session

from tenantry.models import Deployment
from tenantry.web.events.standing import standings
from tenantry.web.people import rank


def tag_of(session: Session, deployment: Deployment) -> str:
    """Changes with all that the page shows, and with the role of who looks."""
    found = standings(session, [deployment.id]).get(deployment.id)
    return f"{found.mark if found else 'gone'}-{rank()}"


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

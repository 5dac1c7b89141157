"""The panel as its people use it: logged in, over HTTP, with a watch in hand."""

import re
import time
from collections.abc import Mapping

import httpx
from sqlalchemy import select

from tenantry.models import Tenant
from tests.chaos.place import Place

PASSWORD = "a long password for bad days"
WHO = "operator@example.com"
TOKEN = re.compile(r'name="csrf_token"[^>]* value="([^"]+)"')
BANNER = "The message broker does not answer."
PATIENCE = 30.0
PAGES = ("/", "/deployments/", "/tenants/", "/jobs/")


class Panel:
    """
    One operator.

    `slowest` holds the longest answer in seconds for pages (`look`) and buttons (`press`), and
    `wrong` every answer that was not what the panel promises.
    """

    def __init__(self, place: Place) -> None:
        self._place = place
        self._client = httpx.Client(base_url=place.environ["PUBLIC_URL"], timeout=PATIENCE)
        self.begin()
        place.shop.add_staff(WHO, "operator", PASSWORD)
        self._log_in()

    def begin(self) -> None:
        """Counts anew."""
        self.slowest = {"look": 0.0, "press": 0.0}
        self.asked = {"look": 0, "press": 0}
        self.wrong: list[str] = []

    def _log_in(self) -> None:
        form = {"email": WHO, "password": PASSWORD}
        self._client.post("/login", data=form | self._token(self._client.get("/login").text))
        page = self._client.get("/")
        assert page.status_code == 200, f"not logged in: {page.status_code}"
        self._form = self._token(page.text)

    @staticmethod
    def _token(page: str) -> dict[str, str]:
        found = TOKEN.search(page)
        assert found, "no form in that page"
        return {"csrf_token": found[1]}

    def look(self, path: str) -> bool:
        """Opens a page; whether it says that the broker is away."""
        answer = self._timed("look", "GET", path)
        if answer is None:
            return False
        if answer.status_code != 200:
            self.wrong.append(f"{path}: {answer.status_code}")
        return BANNER in answer.text

    def deploy(self, subdomain: str, *, as_program: bool = False) -> str | None:
        """
        Presses "deploy"; the path of the deployment's page.

        A browser is led there by 303; a program is told the address in JSON. None, and a line in
        `wrong`, for anything else.
        """
        path = f"/tenants/{self._public_id(subdomain)}/deploy"
        headers = {"Accept": "application/json"} if as_program else {}
        answer = self._timed("press", "POST", path, headers=headers)
        if answer is None:
            return None
        led = answer.headers.get("Location", "")
        if as_program and answer.status_code == 200:
            led = answer.json()["url"]
        if answer.status_code != (200 if as_program else 303) or "/deployments/" not in led:
            self.wrong.append(f"deploy {subdomain}: {answer.status_code}, led to {led!r}")
            return None
        return led

    def _timed(
        self, kind: str, method: str, path: str, headers: Mapping[str, str] | None = None
    ) -> httpx.Response | None:
        began = time.monotonic()
        self.asked[kind] += 1
        try:
            return self._client.request(
                method, path, headers=headers, data=self._form if method == "POST" else None
            )
        except httpx.HTTPError as trouble:
            self.wrong.append(f"{path}: {type(trouble).__name__}")
            return None
        finally:
            self.slowest[kind] = max(self.slowest[kind], time.monotonic() - began)

    def _public_id(self, subdomain: str) -> str:
        with self._place.shop.desk.reading() as session:
            return str(
                session.execute(
                    select(Tenant.public_id).where(Tenant.subdomain == subdomain)
                ).scalar_one()
            )

"""ports.ApplicationLife: applications after their first day."""

from collections.abc import Sequence

from tenantry.adapters.dokploy import adoption, application_life, applications, domains
from tenantry.adapters.dokploy.connected import Connected
from tenantry.planning.sources import Volume
from tenantry.ports import ApplicationSeen, RedirectSeen, Running, ScheduleSeen


class DokployApplications(Connected):
    """Each method is one read or one change."""

    def application(self, app_id: str) -> ApplicationSeen | None:
        """In full; None where it is gone."""
        return application_life.one(self._client, app_id)

    def configure_application(self, app_id: str, running: Running) -> None:
        """Change, safe to repeat: takes effect at the next deploy or reload."""
        applications.configure(self._client, app_id, running)

    def set_fresh_build(self, app_id: str, *, fresh: bool) -> None:
        """Change, safe to repeat: whether the next builds use no cache."""
        application_life.set_fresh_build(self._client, app_id, fresh=fresh)

    def reload_application(self, app_id: str, app_name: str) -> None:
        """Change: the stored settings, without a build; only for what was deployed."""
        application_life.reload(self._client, app_id, app_name)

    def stop_application(self, app_id: str) -> None:
        """Change, safe to repeat: no containers; answered also where Docker failed."""
        application_life.stop(self._client, app_id)

    def adopt(self, kind: str, object_id: str, description: str) -> None:
        """Change, safe to repeat: a description, and no automatic deploys; no engine call."""
        adoption.adopt(self._client, kind, object_id, description)

    def create_volume(self, app_id: str, volume: Volume) -> None:
        """Change: a repeat mounts twice."""
        application_life.create_volume(self._client, app_id, volume)

    def create_redirect(self, app_id: str, redirect: RedirectSeen) -> None:
        """Change: a repeat makes a second one."""
        application_life.create_redirect(self._client, app_id, redirect)

    def delete_redirect(self, redirect_id: str) -> None:
        """Change, safe to repeat."""
        application_life.delete_redirect(self._client, redirect_id)

    def enable_domain(self, domain_id: str, *, enabled: bool) -> None:
        """Change, safe to repeat: reads the hostname first. Permanent where it is gone."""
        domains.enable(self._client, domain_id, enabled=enabled)

    def schedules_of(self, app_id: str) -> Sequence[ScheduleSeen]:
        """Its schedules, oldest first; empty where the application is gone."""
        return application_life.schedules(self._client, app_id)

    def enable_schedule(self, schedule: ScheduleSeen, *, enabled: bool) -> None:
        """Change, safe to repeat. Permanent where it is gone."""
        application_life.enable_schedule(self._client, schedule, enabled=enabled)

    def delete_schedule(self, schedule_id: str) -> None:
        """Change, safe to repeat."""
        application_life.delete_schedule(self._client, schedule_id)

    def drop_waiting_builds(self, app_id: str) -> None:
        """Change, safe to repeat: what waits, not what runs."""
        application_life.drop_waiting(self._client, app_id)

    def roll_back(self, rollback_id: str) -> None:
        """Change: the target's own rollback, without a row in the history."""
        application_life.roll_back(self._client, rollback_id)

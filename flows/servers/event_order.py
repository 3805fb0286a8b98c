"""In which order the Prefect server's automations see events, so that they act at once after a restart of the server.

The change of a run's state is held back until the change before it was seen, for at most fifteen minutes. Which ones
were seen is forgotten with the server's process: after a restart the first change of each run that had begun within
the five minutes before would wait for all of that time, and a run that crashes then would not be started again.

Prefect's server uses this where PREFECT_SERVER_EVENTS_CAUSAL_ORDERING names this module.
"""

from __future__ import annotations

from datetime import UTC, datetime

import psutil
import sqlalchemy as sa
from prefect.server.database import provide_database_interface
from prefect.server.events.ordering import memory
from prefect.server.events.schemas.events import ReceivedEvent

_STARTED = datetime.fromtimestamp(psutil.Process().create_time(), UTC)


class CausalOrdering(memory.CausalOrdering):
    """Prefect's own order, which knows besides that what happened before the server's start will not come any more."""

    async def wait_for_leader(self, event: ReceivedEvent) -> None:
        """Returns where `event` may be looked at. Raises EventArrivedEarly where the one before it is still to come."""
        if not await self._follows_one_from_before_the_start(event):
            await super().wait_for_leader(event)

    async def _follows_one_from_before_the_start(self, event: ReceivedEvent) -> bool:
        if event.follows is None or await self.event_has_been_seen(event.follows):
            return False
        db = provide_database_interface()
        async with db.session_context() as session:
            state = db.FlowRunState  # the event of a state has the state's id
            since = await session.scalar(sa.select(state.timestamp).where(state.id == event.follows))
        return since is not None and since.astimezone(UTC) < _STARTED

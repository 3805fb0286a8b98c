"""The order of a server's events after a restart, on a real database of Prefect."""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from prefect.server import models, schemas
from prefect.server.database import provide_database_interface
from prefect.server.events.ordering import EventArrivedEarly
from prefect.server.events.schemas.events import ReceivedEvent, Resource
from prefect.settings import PREFECT_SERVER_DATABASE_CONNECTION_URL, temporary_settings

from flows.servers.event_order import CausalOrdering


def on_a_database(folder: Path, check: Callable[[], Coroutine[None, None, None]]) -> None:
    """Runs `check` where an empty database of Prefect is in use."""

    async def run() -> None:
        await provide_database_interface().create_db()
        await check()

    with temporary_settings({PREFECT_SERVER_DATABASE_CONNECTION_URL: f"sqlite+aiosqlite:///{folder}/prefect.db"}):
        asyncio.run(run())


async def running_since(when: datetime) -> UUID:
    """A flow run that has come into Running then. Returns the state's id, which is that of its event."""
    state = schemas.states.State(type=schemas.states.StateType.RUNNING, timestamp=when)
    async with provide_database_interface().session_context(begin_transaction=True) as session:
        flow = await models.flows.create_flow(session=session, flow=schemas.core.Flow(name="train"))
        run = schemas.core.FlowRun(flow_id=flow.id, state=state)
        created = await models.flow_runs.create_flow_run(session=session, flow_run=run)
        assert created.state is not None
        return UUID(str(created.state.id))


def crashed(follows: UUID) -> ReceivedEvent:
    resource = Resource({"prefect.resource.id": "prefect.flow-run.1"})
    now = datetime.now(UTC)
    return ReceivedEvent(
        occurred=now, received=now, event="prefect.flow-run.Crashed", resource=resource, id=uuid4(), follows=follows
    )


def test_a_change_after_one_from_before_the_start_need_not_wait_for_it(tmp_path):
    async def check() -> None:
        state = await running_since(datetime.now(UTC) - timedelta(days=1))
        await CausalOrdering(scope="before").wait_for_leader(crashed(state))

    on_a_database(tmp_path, check)


def test_a_change_after_one_that_is_still_to_come_waits(tmp_path):
    async def check() -> None:
        for leader in (await running_since(datetime.now(UTC)), uuid4()):
            with pytest.raises(EventArrivedEarly):
                await CausalOrdering(scope="after").wait_for_leader(crashed(leader))

    on_a_database(tmp_path, check)

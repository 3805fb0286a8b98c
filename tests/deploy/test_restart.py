"""What Prefect's server on PostgreSQL still knows after a restart."""

import asyncio
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import GlobalConcurrencyLimitCreate
from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings

LIMIT = "one-gpu"


async def take_slot() -> UUID:
    async with get_client() as client:
        await client.create_global_concurrency_limit(GlobalConcurrencyLimitCreate(name=LIMIT, limit=1))
        answer = await client.increment_concurrency_slots_with_lease(
            names=[LIMIT], slots=1, mode="concurrency", lease_duration=600
        )
        return UUID(answer.json()["lease_id"])


async def give_back(lease: UUID) -> None:
    async with get_client() as client:
        await client.release_concurrency_slots_with_lease(lease)


async def slots_in_use() -> int:
    async with get_client() as client:
        return (await client.read_global_concurrency_limit_by_name(LIMIT)).active_slots


def test_a_slot_that_was_held_while_the_server_restarted_is_given_back(stopped_prefect, settings):
    server = {PREFECT_API_URL: stopped_prefect.url, PREFECT_API_AUTH_STRING: f"admin:{settings['PREFECT_PASSWORD']}"}
    with temporary_settings(server):
        with stopped_prefect.running():
            lease = asyncio.run(take_slot())
            assert asyncio.run(slots_in_use()) == 1
        with stopped_prefect.running():
            assert asyncio.run(slots_in_use()) == 1
            asyncio.run(give_back(lease))
            assert asyncio.run(slots_in_use()) == 0

"""How often a run of a deployment says that it lives, and after how long a silence it counts as crashed.

The deployments of prefect.yaml carry the frequency, so that the runs of every worker have it. The workers of
`flipbook up` give it to the runs of other deployments as well.
"""

HEARTBEAT_SECONDS = 30  # the shortest that Prefect takes
LOST_HEARTBEATS = 3  # so many may get lost, or be held back while the server is started again
SILENCE_SECONDS = LOST_HEARTBEATS * HEARTBEAT_SECONDS + HEARTBEAT_SECONDS // 2

"""How often a deployment's run says that it is alive, and after how much silence it counts as crashed.

The deployments in prefect.yaml carry this frequency, so that the runs of every worker have it. The workers of
`flipbook up` also give it to runs of other deployments.
"""

OUR_TAG = "flipbook"  # of all runs of this project's deployments
HEARTBEAT_SECONDS = 30  # the shortest that Prefect takes
LOST_HEARTBEATS = 3  # this many may get lost or come late while the server restarts
SILENCE_SECONDS = LOST_HEARTBEATS * HEARTBEAT_SECONDS + HEARTBEAT_SECONDS // 2

"""`flipbook up`, which registers nothing but looks whether it could: python tests/flows/up_without_deployments.py up

Registering the deployments takes longer than all else, and what is tested with it is how servers and workers are run.
"""

import os
import sys

from flows.services import lifecycle
from flows.services.prefect_api import ask

if __name__ == "__main__":
    if sys.argv[1:] == ["register"]:
        ask(f"{os.environ['PREFECT_API_URL']}/work_pools/filter", os.environ, {})
    else:
        lifecycle.SETUP = (sys.executable, __file__, "register")
        from flows.cli import main

        main()

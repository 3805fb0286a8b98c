"""A question to Prefect's API, without importing Prefect, which takes seconds."""

from __future__ import annotations

import base64
import json
import urllib.request
from collections.abc import Mapping
from typing import Any

ANSWER_SECONDS = 5.0


def ask(url: str, settings: Mapping[str, str], content: object = None) -> Any:
    """What the API answers.

    Args:
        url: the route's full address.
        settings: a client's variables; with PREFECT_API_AUTH_STRING where the server is protected.
        content: what to post as JSON; nothing is got instead.

    Raises:
        OSError: no answer, or an error.
    """
    data = None if content is None else json.dumps(content).encode()
    request = urllib.request.Request(url, data=data, headers={"Content-Type": "application/json"})
    if pair := settings.get("PREFECT_API_AUTH_STRING"):
        request.add_header("Authorization", f"Basic {base64.b64encode(pair.encode()).decode()}")
    with urllib.request.urlopen(request, timeout=ANSWER_SECONDS) as answer:
        return json.load(answer)

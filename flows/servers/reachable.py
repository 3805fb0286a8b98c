"""Whether the Prefect server that PREFECT_API_URL names can be used, and in words why not.

Some failures pass, such as a server that is starting. Others stay until somebody changes a setting.
"""

from __future__ import annotations

import json
import socket
import ssl
import time
from collections.abc import Callable, Iterator

import httpx

from tracking.shown_uri import shown, shown_text

EXAMPLE_URL = "http://127.0.0.1:4200/api"
WAIT_SECONDS = 60.0
PAUSE_SECONDS = 2.0
LONGEST_ANSWER = 300  # characters


class UnreachableError(RuntimeError):
    """The Prefect server cannot be used; the message names the setting, its value, and what to do."""


def wait_for_server(url: str, say: Callable[[str], None], seconds: float = WAIT_SECONDS) -> None:
    """Return once the Prefect server of PREFECT_API_URL answers. While it may still be starting, say so and wait.

    Raises:
        UnreachableError: it does not answer for `seconds`, or an error will not pass by itself.
    """
    from prefect.client.orchestration import get_client
    from prefect.settings import PREFECT_CLIENT_MAX_RETRIES, temporary_settings

    deadline, told = time.monotonic() + seconds, False
    while True:
        try:
            with temporary_settings({PREFECT_CLIENT_MAX_RETRIES: 0}), get_client(sync_client=True) as client:
                client.raise_for_api_version_mismatch()
            return
        except Exception as error:
            if not is_away(error) or time.monotonic() > deadline:
                raise UnreachableError(in_words(error, url)) from error
            if not told:
                say(f"The Prefect server at {shown(url)} does not answer; waiting {seconds:.0f} s for it ...")
            told = True
        time.sleep(PAUSE_SECONDS)


def is_away(error: BaseException) -> bool:
    """Whether `error` says that the server gave no answer, or that it is starting or stopping.

    Prefect's functions raise their own errors, caused by errors of their client. So the causes are checked, too.
    """
    found = list(causes(error))
    if any(isinstance(cause, ssl.SSLError | httpx.UnsupportedProtocol) or _is_no_host(cause) for cause in found):
        return False
    for cause in found:
        if isinstance(cause, httpx.HTTPStatusError):  # Prefect's own error is one
            return cause.response.status_code >= 500
        if isinstance(cause, httpx.TransportError):
            return True
    return False


def in_words(error: BaseException, url: str) -> str:
    """What is wrong with the server at `url`, the value of PREFECT_API_URL, and what to do."""
    server, found = f"The Prefect server at {shown(url)} (PREFECT_API_URL)", list(causes(error))
    for cause in found:
        if isinstance(cause, httpx.HTTPStatusError):
            status = cause.response.status_code
            if status == httpx.codes.UNAUTHORIZED:
                return f"{server} asks for a password: set PREFECT_API_AUTH_STRING to user:password."
            if status != httpx.codes.NOT_FOUND:
                asked = f"{cause.request.method} {cause.request.url.path}"
                return f"{server} answered {status} to {asked}: {cause.response.text[:LONGEST_ANSWER]}"
        if isinstance(cause, ssl.SSLError):
            return (
                f"{server} has a certificate that is not trusted ({cause}). Set PREFECT_API_SSL_CERT_FILE to the "
                "certificate of its authority, or PREFECT_API_TLS_INSECURE_SKIP_VERIFY to true."
            )
        if isinstance(cause, httpx.InvalidURL | httpx.UnsupportedProtocol):
            return f"PREFECT_API_URL is no address of a server: {shown(url)}. Set it as in {EXAMPLE_URL}"
    if any(isinstance(cause, httpx.TransportError) for cause in found):
        return f"{server} does not answer ({shown_text(str(found[-1]))}). Start it, or correct PREFECT_API_URL."
    if any("incompatible versions" in str(cause) for cause in found):
        return f"{server} cannot be used: {error}"
    if any(isinstance(cause, httpx.HTTPStatusError | json.JSONDecodeError) or "version" in type(cause).__name__.lower()
           for cause in found):  # fmt: skip
        return f"What answers at {shown(url)} is no Prefect API. PREFECT_API_URL ends in /api, as in {EXAMPLE_URL}"
    return f"{server} cannot be used: {type(error).__name__}: {error}"


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """`error`, then its cause, then the cause of that error, and so on."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _is_no_host(error: BaseException) -> bool:
    return isinstance(error, socket.gaierror) and error.errno != socket.EAI_AGAIN

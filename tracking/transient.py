"""Which errors may go away by themselves: trouble with the network, the disk or a busy database."""

from __future__ import annotations

import errno
import shutil
import sys
from typing import TYPE_CHECKING, TypeGuard

if TYPE_CHECKING:
    from mlflow.exceptions import MlflowException

_LASTING_KINDS = (
    *(FileNotFoundError, FileExistsError, PermissionError, IsADirectoryError, NotADirectoryError),
    shutil.Error,  # a folder could not be copied, mostly because a disk is full; it has no errno
)
_LASTING = {
    *(errno.ENOENT, errno.EEXIST, errno.EACCES, errno.EPERM, errno.EISDIR, errno.ENOTDIR),
    *(errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.ENAMETOOLONG),
}
_LASTING_DATABASE_TROUBLE = ("disk is full", "readonly database", "unable to open database file")


def is_transient(error: BaseException) -> bool:
    """Whether `error`, or the error that caused it, may go away by itself, so that another try makes sense."""
    import httpx
    import requests
    import sqlalchemy.exc

    if isinstance(error, requests.HTTPError):  # an OSError, as all errors of requests, but with an answer
        return error.response is None or _may_pass(error.response.status_code)
    if isinstance(error, OSError):
        lasting_kinds = (*_LASTING_KINDS, ValueError)  # an invalid URL raises an error of requests that is both
        return error.errno not in _LASTING and not isinstance(error, lasting_kinds)
    if isinstance(error, sqlalchemy.exc.OperationalError):
        return not any(words in str(error.orig) for words in _LASTING_DATABASE_TROUBLE)
    if isinstance(error, httpx.TransportError):
        return True
    cause = error.__cause__
    if _is_mlflows(error):
        # If MLflow could not connect, only the error that it handled says so.
        cause = cause or error.__context__
        if cause is None:  # MLflow also uses INTERNAL_ERROR for its own bugs
            return error.error_code != "INTERNAL_ERROR" and _may_pass(error.get_http_status_code())
    return cause is not None and is_transient(cause)


def _may_pass(status: int) -> bool:
    """Whether a request that was answered with HTTP `status` may succeed later."""
    return status >= 500 or status in (408, 429)


def _is_mlflows(error: BaseException) -> TypeGuard[MlflowException]:
    """Whether `error` is MLflow's. MLflow is not imported for this: if it is not loaded, it has raised nothing."""
    module = sys.modules.get("mlflow.exceptions")
    return module is not None and isinstance(error, module.MlflowException)

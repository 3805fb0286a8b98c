"""Addresses without the user and the password that a URI can hold, so that they can be shown and stored."""

from __future__ import annotations

import re
from urllib.parse import urlsplit, urlunsplit

_USER_IN_TEXT = re.compile(r"(?<=://)[^/\s'\"]*@")


def shown(uri: str) -> str:
    """`uri`, the address of a server or of a database, without user and password.

    The address of a database also loses its options, because they may hold a password.
    """
    if "@" not in uri and "?" not in uri:
        return uri
    parts = urlsplit(uri)
    if parts.scheme in ("http", "https"):
        return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))

    from sqlalchemy.engine import URL, make_url  # imported here, because it is slow to import
    from sqlalchemy.exc import ArgumentError

    try:
        url = make_url(uri)
    except ArgumentError:
        return uri.partition(":")[0]  # the only part that is certainly no secret
    return URL.create(url.drivername, host=url.host, port=url.port, database=url.database).render_as_string()


def shown_text(text: str) -> str:
    """`text`, for example an error's, without the users and passwords in the addresses that it quotes."""
    return _USER_IN_TEXT.sub("", text)

"""Addresses as they may be shown and stored: without the user and the password that a URI can hold."""

from __future__ import annotations

import re
from urllib.parse import urlsplit, urlunsplit

_USER_IN_TEXT = re.compile(r"(?<=://)[^/\s'\"]*@")


def shown(uri: str) -> str:
    """`uri` without user and password: of a server's address, or of a database as SQLAlchemy reads it.

    A database's address loses its options too, for they may hold a password.
    """
    if "@" not in uri and "?" not in uri:
        return uri
    parts = urlsplit(uri)
    if parts.scheme in ("http", "https"):
        return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))

    from sqlalchemy.engine import URL, make_url  # MLflow loads it anyway, and a run of cached steps does without
    from sqlalchemy.exc import ArgumentError

    try:
        url = make_url(uri)
    except ArgumentError:
        return uri.partition(":")[0]  # of what nobody can read, what is certainly no secret
    return URL.create(url.drivername, host=url.host, port=url.port, database=url.database).render_as_string()


def shown_text(text: str) -> str:
    """`text`, such as an error's, without users and passwords in the addresses that it quotes."""
    return _USER_IN_TEXT.sub("", text)

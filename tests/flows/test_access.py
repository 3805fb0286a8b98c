"""Who may use the servers, decided before any of them starts."""

import pytest
from shell import flipbook

from data.home import Home
from flows.servers.access import AccessError, Credentials, credentials_for, form_key
from flows.servers.addresses import Addresses

PASSWORD = "correct horse battery"


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
def test_this_machine_needs_no_password(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FLIPBOOK_PASSWORD", raising=False)
    assert credentials_for(host) is None


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "example.org", "127.0.0.1.example.org"])
def test_others_need_one(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FLIPBOOK_PASSWORD", raising=False)
    with pytest.raises(AccessError, match=f"--host {host} .* set FLIPBOOK_PASSWORD"):
        credentials_for(host)
    monkeypatch.setenv("FLIPBOOK_PASSWORD", PASSWORD)
    assert credentials_for(host) == Credentials("flipbook", PASSWORD)


def test_a_password_protects_this_machine_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLIPBOOK_PASSWORD", PASSWORD)
    monkeypatch.setenv("FLIPBOOK_USER", "ada")
    assert credentials_for("127.0.0.1") == Credentials("ada", PASSWORD)


@pytest.mark.parametrize(
    ("user", "password", "why"), [("ada", "short", "12 characters"), ("ada:b", PASSWORD, "FLIPBOOK_USER .* colon")]
)
def test_what_a_server_would_refuse_is_refused_at_once(user: str, password: str, why: str) -> None:
    with pytest.raises(AccessError, match=why):
        Credentials.from_environment({"FLIPBOOK_USER": user, "FLIPBOOK_PASSWORD": password})


def test_a_password_is_not_shown_by_accident() -> None:
    assert PASSWORD not in repr(Credentials("ada", PASSWORD))


def test_the_form_key_is_kept_and_private(tmp_path) -> None:
    home = Home.at(tmp_path / "home")
    home.up.mkdir(parents=True)
    key = form_key(home)
    assert len(key) == 64
    assert form_key(home) == key
    assert (home.up / "mlflow-form-key").stat().st_mode & 0o777 == 0o600


def test_browsers_may_call_the_servers_by_the_machines_names_only() -> None:
    assert Addresses(host="127.0.0.1").names == ("localhost", "127.0.0.1", "[::1]")
    names = Addresses(host="192.0.2.7").names
    assert "192.0.2.7" in names
    assert not any("*" in name for name in names)


def test_up_is_refused_before_anything_starts(tmp_path) -> None:
    done = flipbook("up", "--host", "0.0.0.0", "--home", tmp_path / "home")
    assert done.returncode == 1
    assert done.stderr.startswith("Error: --host 0.0.0.0 lets other machines in: set FLIPBOOK_PASSWORD")
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "home" / "logs").exists()

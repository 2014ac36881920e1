"""Where studies are kept: what is told of an address, and what is missing to use it."""

import sys

import pytest

from mm.errors import ConfigError
from mm.runtime.tune.storages import Place
from mm.runtime.tune.study import TuneStudy


@pytest.mark.parametrize("password", ["secret", "se/secret", "secret?x", "sec@secret", "%2Fsecret"])
def test_secrets_of_an_address_are_not_shown(password: str) -> None:
    """User, password and options of a database stay where they were given."""
    place = Place(name="s", storage=f"postgresql://me:{password}@127.0.0.1:1/mm?sslpassword=hidden")
    assert place.shown == "postgresql://127.0.0.1:1/mm"
    assert not place.is_file
    with pytest.raises(ConfigError) as told, TuneStudy(place, (), seed=1, lag=1).open({}, [True]):
        pass
    assert "secret" not in str(told.value)
    assert "hidden" not in str(told.value)


def test_the_driver_of_a_database_is_named_if_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """An address without a driver is by psycopg, which the extra brings; one that names another keeps it."""
    place = Place(name="s", storage="postgresql://me:secret@127.0.0.1:1/mm")
    assert place.address == "postgresql+psycopg://me:secret@127.0.0.1:1/mm"
    other = Place(name="s", storage="postgresql+pg8000://me@127.0.0.1:1/mm")
    assert other.address == other.storage
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(ConfigError) as told, TuneStudy(place, (), seed=1, lag=1).open({}, [True]):
        pass
    assert "uv run --extra research --extra postgres mm tune" in told.value.hint

"""Mode live against an exchange on loopback: every way in which it is refused, and one in which it trades."""

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from mm.bootstrap import run
from mm.domain.ids import OrderId, OrderIds
from mm.errors import AlreadyRunning, ConfigError, MMError, VenueRefused, VenueUnreachable, WatchdogFailed
from mm.settings.models import Settings
from mm.settings.options import RunOptions, RunReport
from mm.store.lock import DirectoryLock
from mm.store.runstate import RunState
from tests.builders.configs import loaded
from tests.builders.exchange_thread import Hosted, hosted

TEXT = """\
mode = "live"

[venue.main]
key = "env:MM_TEST_KEY"
secret = "env:MM_TEST_SECRET"

[pair.btc]
symbol = "BTC/USDT"

[pair.btc.params]
bid_spread_bps = 8
ask_spread_bps = 8
order_amount_base = 0.002
order_refresh_time_ms = 2_000

[risk]
max_notional_quote = 5_000
max_order_notional_quote = 500
session_loss_quote = 100
"""


class Place(NamedTuple):
    """Where a run happens. Fields: exchange: what it trades on; data_dir: its own."""

    folder: Path
    exchange: Hosted

    @property
    def data_dir(self) -> Path:
        """The data directory."""
        return self.folder / "data"

    def settings(self, *overrides: str, text: str = TEXT) -> Settings:
        """Return the settings of a run on the exchange, `overrides` applied."""
        url = f'venue.main.url="{self.exchange.url}"'
        return loaded(self.folder, text, [f"data_dir={self.data_dir}", url, *overrides])

    def go(self, settings: Settings, *, duration_s: float = 1.0, confirmed: bool = True) -> RunReport:
        """Run as `settings` say."""
        return run(
            RunOptions(settings=settings, duration_ns=round(duration_s * 1e9), live_confirmed=confirmed)
        )


@pytest.fixture(scope="module")
def exchange() -> Iterator[Hosted]:
    """One exchange for the tests that leave nothing behind on it."""
    with hosted() as found:
        yield found


@pytest.fixture(autouse=True)
def leases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no test know of the leases of another, or of the user's."""
    monkeypatch.setenv("MM_LEASE_DIR", str(tmp_path / "leases"))


@pytest.fixture
def place(tmp_path: Path, exchange: Hosted, monkeypatch: pytest.MonkeyPatch) -> Place:
    """Return a place whose key and secret are in the environment."""
    monkeypatch.setenv("MM_TEST_KEY", exchange.key)
    monkeypatch.setenv("MM_TEST_SECRET", exchange.secret)
    return Place(tmp_path, exchange)


def refused(place: Place, settings: Settings, kind: type[MMError], *, confirmed: bool = True) -> MMError:
    """Return how a run is refused; no order of any kind may have reached the exchange, no lock is left."""
    before = place.exchange.truth()["counters"]["orders_placed"]
    with pytest.raises(kind) as error:
        place.go(settings, confirmed=confirmed)
    assert place.exchange.truth()["counters"]["orders_placed"] == before
    DirectoryLock(place.data_dir).release()
    return error.value


def test_it_trades_and_leaves_nothing_by_the_venues_own_word(place: Place) -> None:
    """Orders were placed by the unmodified client, cancelled in the end, the code is 0."""
    before = place.exchange.truth()["counters"]["orders_placed"]
    report = place.go(place.settings())
    after = place.exchange.truth()
    assert (report.exit_code, report.exit_reason, report.open_orders_at_exit) == (0, "duration", 0)
    assert report.orders_placed == after["counters"]["orders_placed"] - before > 0
    assert after["open_orders"] == []
    assert report.pnl_residual == 0


def test_without_the_flag_nothing_is_started(place: Place) -> None:
    """The file alone does not suffice."""
    error = refused(place, place.settings(), ConfigError, confirmed=False)
    assert error.exit_code == 4
    assert "--yes-live" in str(error)


def test_a_config_without_a_key_is_refused(place: Place) -> None:
    """By the loader, with the table to put it in; and by the run itself should one get that far."""
    with pytest.raises(ConfigError, match=r"venue\.main\.key: missing, needed in live mode"):
        place.settings(text=TEXT.replace('key = "env:MM_TEST_KEY"\n', ""))
    settings = place.settings()
    keyless = {"main": settings.venue["main"].model_copy(update={"key": None})}
    error = refused(place, settings.model_copy(update={"venue": keyless}), ConfigError)
    assert error.exit_code == 4


def test_a_key_that_cannot_be_read_is_refused_by_its_name(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A variable that is not set, a file that is not there, or one that others can read."""
    monkeypatch.delenv("MM_TEST_SECRET")
    assert "env:MM_TEST_SECRET: the variable is not set" in str(refused(place, place.settings(), ConfigError))
    file = place.folder / "key.txt"
    for_file = f'venue.main.secret="file:{file}"'
    assert "cannot be read" in str(refused(place, place.settings(for_file), ConfigError))
    file.write_text(place.exchange.secret)
    file.chmod(0o644)
    error = refused(place, place.settings(for_file), ConfigError)
    assert "others can read it" in str(error)
    assert place.exchange.secret not in f"{error} {error.hint}"
    file.chmod(0o600)
    assert place.go(place.settings(for_file), duration_s=0.3).exit_code == 0


@pytest.mark.parametrize("wrong", ["MM_TEST_KEY", "MM_TEST_SECRET"])
def test_a_key_that_the_venue_refuses_ends_with_its_code(
    place: Place, monkeypatch: pytest.MonkeyPatch, wrong: str
) -> None:
    """Exit code 7, and neither the key nor the secret is in what is said."""
    monkeypatch.setenv(wrong, "f" * 32)
    error = refused(place, place.settings(), VenueRefused)
    assert error.exit_code == 7
    assert place.exchange.secret not in f"{error} {error.hint}"


def test_a_venue_that_cannot_be_reached_ends_with_its_code(place: Place) -> None:
    """Nobody listens there."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        error = refused(place, place.settings(f'venue.main.url="http://127.0.0.1:{port}"'), VenueUnreachable)
    assert error.exit_code == 7


def test_a_symbol_that_the_venue_does_not_list_is_refused(place: Place) -> None:
    """With the names that come close."""
    error = refused(place, place.settings('pair.btc.symbol="BTC/USDC"'), ConfigError)
    assert error.exit_code == 4
    assert "BTC/USDT" in error.hint
    assert str(error).startswith("--set: pair.btc.symbol: ")


def test_an_order_size_that_the_venue_does_not_take_is_refused(place: Place) -> None:
    """Told before anything is sent, with what would do."""
    error = refused(place, place.settings("pair.btc.params.order_amount_base=0.000001"), ConfigError)
    assert error.exit_code == 4
    assert "expected 0.00001 to" in str(error)
    assert str(error).startswith("--set: pair.btc.params.order_amount_base: ")


def test_nothing_that_a_run_writes_down_holds_a_secret_or_is_for_others(place: Place) -> None:
    """Journal, history and state know the names of key and secret alone, and belong to one user."""
    place.go(place.settings())
    written = [path for path in place.data_dir.rglob("*") if path.is_file()]
    assert {"history.jsonl", "runstate.json", "000001.mmj"} <= {path.name for path in written}
    for path in written:
        assert place.exchange.key.encode() not in path.read_bytes(), path
        assert place.exchange.secret.encode() not in path.read_bytes(), path
    for path in (place.data_dir, *place.data_dir.rglob("*")):
        assert not path.stat().st_mode & 0o077, path


def test_a_second_daemon_on_one_directory_is_refused(place: Place) -> None:
    """Whatever it would trade."""
    settings = place.settings()
    with DirectoryLock(place.data_dir), pytest.raises(AlreadyRunning) as error:
        place.go(settings)
    assert error.value.exit_code == 4


def test_two_venues_in_one_run_are_refused(place: Place) -> None:
    """One daemon trades one account; should such settings ever get this far, nothing starts."""
    settings = place.settings()
    pair = settings.pair["btc"]
    pairs = {"btc": pair, "two": pair.model_copy(update={"venue": "other"})}
    venues = {**settings.venue, "other": settings.venue["main"]}
    error = refused(place, settings.model_copy(update={"pair": pairs, "venue": venues}), ConfigError)
    assert "one daemon per account" in error.hint


def _earlier(place: Place, sequence: int) -> str:
    kept = RunState.open(place.data_dir)
    ids = OrderIds(tag=kept.tag, key=kept.id_key)
    return ids.encode(OrderId(kept.tag, 0, 1, sequence))


def test_a_latched_directory_starts_nothing_and_cancels_what_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the venue's own records: ours are cancelled, another's order rests, nothing new came. Code 6."""
    with hosted() as exchange:
        monkeypatch.setenv("MM_TEST_KEY", exchange.key)
        monkeypatch.setenv("MM_TEST_SECRET", exchange.secret)
        place = Place(tmp_path, exchange)
        settings = place.settings()
        RunState.open(place.data_dir).latch("drill", "by hand", 5)
        ours = [_earlier(place, number) for number in (1, 2)]
        for client_id in (*ours, "by-hand"):
            exchange.leave(client_id)
        report = place.go(settings, duration_s=600)
        assert (report.exit_code, report.exit_reason) == (6, "halted: drill")
        assert report.orders_placed == 0
        assert exchange.statuses() == {ours[0]: "CANCELED", ours[1]: "CANCELED", "by-hand": "NEW"}
        assert RunState.open(place.data_dir).latched is not None


def test_orders_of_an_earlier_life_are_cancelled_before_the_first_quote(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It trades on, and what another deployment or a person placed stays."""
    with hosted() as exchange:
        monkeypatch.setenv("MM_TEST_KEY", exchange.key)
        monkeypatch.setenv("MM_TEST_SECRET", exchange.secret)
        place = Place(tmp_path, exchange)
        settings = place.settings()
        mine = _earlier(place, 1)
        kept = RunState.open(place.data_dir)
        other = OrderIds(tag=(kept.tag + 1) % 2**16, key=b"another deployment")
        theirs = other.encode(OrderId(other.tag, 0, 1, 1))
        for client_id in (mine, theirs, "by-hand"):
            exchange.leave(client_id)
        # It waits until it is sure that nobody goes on placing orders of an earlier life.
        assert place.go(settings, duration_s=6.0).exit_code == 0
        statuses = exchange.statuses()
        assert (statuses[mine], statuses[theirs], statuses["by-hand"]) == ("CANCELED", "NEW", "NEW")
        orders = exchange.truth()["orders"]
        cancelled_ns = next(o["updated_ns"] for o in orders if o["client_id"] == mine)
        placed_ns = [o["created_ns"] for o in orders if o["client_id"] not in (mine, theirs, "by-hand")]
        assert placed_ns
        assert min(placed_ns) > cancelled_ns


def test_an_order_worth_too_little_is_never_sent(place: Place) -> None:
    """The venue's least value depends on the price: the first quotes show it, and the config is at fault."""
    error = refused(place, place.settings("pair.btc.params.order_amount_base=0.00005"), ConfigError)
    assert error.exit_code == 4
    assert str(error).startswith("--set: pair.btc.params.order_amount_base: an order of 0.00005 BTC at ")
    assert error.hint.startswith("at this price the venue takes 0.0000")


def test_it_is_watched_by_a_key_of_the_watchdogs_own(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that the venue refuses keeps it from starting; without a watchdog it starts, and says so.

    The start that was refused had sent nothing: the next one trades at once, and nothing counts for a crash.
    """
    own = [f'venue.main.watchdog_{half}="env:MM_TEST_{name}"' for half, name in _HALVES]
    monkeypatch.setenv("MM_TEST_WATCHDOG_KEY", "x" * 64)
    error = refused(place, place.settings(*own), WatchdogFailed)
    assert error.exit_code == 4
    assert "the venue refuses the key" in str(error)
    kept = RunState.open(place.data_dir)
    assert kept.epoch
    assert kept.crashed_ns == ()
    report = place.go(place.settings(*own, "watchdog.enabled=false"), duration_s=0.5)
    assert (report.exit_code, report.orders_placed > 0) == (0, True)
    monkeypatch.setenv("MM_TEST_WATCHDOG_KEY", place.exchange.key)
    assert place.go(place.settings(*own), duration_s=0.3).exit_code == 0


def test_a_start_that_fails_before_it_sends_leaves_what_was_left(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Orders that a killed life may have left are still searched for by the start after it."""
    place.go(place.settings())
    RunState.open(place.data_dir).begin_life()
    monkeypatch.setenv("MM_TEST_WATCHDOG_KEY", "x" * 64)
    own = [f'venue.main.watchdog_{half}="env:MM_TEST_{name}"' for half, name in _HALVES]
    refused(place, place.settings(*own), WatchdogFailed)
    life = RunState.open(place.data_dir).life
    assert life is not None
    assert (life.ended, life.open_orders) == (True, -1)


_HALVES = (("key", "WATCHDOG_KEY"), ("secret", "SECRET"))

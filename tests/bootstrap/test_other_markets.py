"""Markets that strategies watch: which the config names, where they come from, and what is refused."""

import asyncio
from decimal import Decimal
from pathlib import Path

import pytest
from msgspec.structs import replace

from mm.bootstrap.assemble import assemble
from mm.bootstrap.other_markets import with_other_venues
from mm.bootstrap.recipe import engine_from, read_recipe, recipe_of, recipe_text, settings_from
from mm.bootstrap.reconfigure import preparation
from mm.bootstrap.records.run_facts import facts_of
from mm.bootstrap.run_demo import demo_venue_settings
from mm.domain.instrument import Instrument
from mm.engine.engine import Engine
from mm.errors import ConfigError
from mm.runtime.clock import AnchoredClock
from mm.runtime.exchange_process import Ready
from mm.runtime.joined_venue import JoinedVenue
from mm.settings.change import changes, in_force
from mm.settings.models import Settings
from mm.store.journal.entries import RunHeader
from mm.store.runstate import RunState
from mm.strategies import cross_reference
from mm.strategies.base import Applies, Watch
from mm.strategies.cross_reference import CrossReference
from mm.venues.binance.public import BinancePublic
from tests.builders.configs import loaded
from tests.builders.fake_venue import FakeVenue
from tests.builders.instruments import make_test_instrument
from tests.builders.venue_setup import btc_usdt

BTC = btc_usdt()
ETH = make_test_instrument(symbol="ETH/USDT", venue_symbol="ETHUSDT", base="ETH", quote="USDT")
TEXT = """\
mode = "{mode}"

[venue.other]
url = "http://127.0.0.1:9"

[venue.main]
url = "http://127.0.0.1:8"

[pair.btc]
symbol = "BTC/USDT"
strategy = "cross_reference"

[pair.btc.params]
sources = {sources}
spread_bps = 10
order_amount_base = 0.01
"""


class Watching(FakeVenue):
    """A venue that can show ETH/USDT beside what is traded. Fields: asked: what it was asked to show."""

    asked: tuple[str, ...] = ()

    async def watch(self, symbols: tuple[str, ...]) -> tuple[Instrument, ...]:
        """Return them; anything else does not exist."""
        self.asked = symbols
        if not all(symbol.endswith("ETH/USDT") for symbol in symbols):
            raise ConfigError(
                f"symbol was {symbols[-1].rpartition(':')[2]!r}, which is not listed", hint="look"
            )
        return tuple(replace(ETH, symbol=symbol) for symbol in symbols)


def settings_of(folder: Path, sources: str = '["ETH/USDT"]', mode: str = "paper") -> Settings:
    """Return a config with another venue beside the one that is traded on."""
    return loaded(folder, TEXT.format(sources=sources, mode=mode))


def engine_of(folder: Path, settings: Settings, venue: FakeVenue | None = None) -> Engine:
    """Return the engine that they describe."""
    venue = venue or Watching(AnchoredClock(), instrument=BTC)
    return asyncio.run(assemble(settings, venue, RunState.open(folder / "data")))


def test_what_strategies_watch_is_asked_for_once_and_kept_by_the_engine(tmp_path: Path) -> None:
    """Under the names of the config."""
    venue = Watching(AnchoredClock(), instrument=BTC)
    engine = engine_of(tmp_path, settings_of(tmp_path, '["ETH/USDT", "other:ETH/USDT"]'), venue)

    assert venue.asked == ("ETH/USDT", "other:ETH/USDT")
    assert list(engine.state.watched) == ["ETH/USDT", "other:ETH/USDT"]
    assert list(engine.state.markets) == ["BTC/USDT"]
    assert list(engine.state.feeds) == ["", "other"]


NAMES = [
    (
        "third:ETH/USDT",
        r"third:ETH/USDT, but there is no \[venue.third\]",
        "other venues of this config: other",
    ),
    ("main:ETH/USDT", "main:ETH/USDT, which is of the venue that is traded on", 'leave "main:" out'),
]


@pytest.mark.parametrize(("source", "message", "hint"), NAMES)
def test_a_venue_that_is_not_there_is_found_when_the_config_is_read(
    tmp_path: Path, source: str, message: str, hint: str
) -> None:
    """With the line: nobody is asked anything."""
    with pytest.raises(ConfigError, match=rf"mm.toml:14: pair.btc.params.sources: names {message}") as caught:
        settings_of(tmp_path, f'["{source}"]')
    assert hint in caught.value.hint


class Bold(CrossReference):
    """A strategy of a user's, whose parameters do not say what it watches. Fields: watched: that."""

    watched = ""

    def __init__(self, params: CrossReference.Params, instrument: Instrument) -> None:
        """Watch it."""
        super().__init__(params, instrument)
        self.watches = (Watch(self.watched),)


@pytest.mark.parametrize(
    ("source", "message", "hint"),
    [*NAMES, ("ETX/USDT", "ETX/USDT: symbol was 'ETX/USDT', which is not listed", "look")],
)
def test_a_name_that_leads_nowhere_is_a_config_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, message: str, hint: str
) -> None:
    """Whatever strategy it comes from, with the session and a hint; a start that is refused is no life."""
    monkeypatch.setattr(Bold, "watched", source)
    monkeypatch.setattr(cross_reference, "CrossReference", Bold)
    monkeypatch.setattr(Bold, "__module__", cross_reference.__name__)
    with pytest.raises(ConfigError, match=rf"pair.btc: it watches {message}") as caught:
        engine_of(tmp_path, settings_of(tmp_path))
    assert hint in caught.value.hint
    assert RunState.open(tmp_path / "data").life is None


def test_an_error_that_names_no_market_names_the_session(tmp_path: Path) -> None:
    """As far as it goes."""

    class Odd(Watching):
        async def watch(self, symbols: tuple[str, ...]) -> tuple[Instrument, ...]:
            raise ConfigError("the filters cannot be used")

    with pytest.raises(ConfigError, match=r"pair\.btc: the filters cannot be used"):
        engine_of(tmp_path, settings_of(tmp_path), Odd(AnchoredClock(), instrument=BTC))


def test_a_venue_that_shows_only_what_is_traded_is_a_config_error(tmp_path: Path) -> None:
    """With the names that it cannot show."""
    with pytest.raises(ConfigError, match="ETH/USDT cannot be watched"):
        engine_of(tmp_path, settings_of(tmp_path), FakeVenue(AnchoredClock(), instrument=BTC))


def test_the_same_engine_is_made_of_the_record(tmp_path: Path) -> None:
    """Watched markets are in the head of the journal, and their prices can be told."""
    settings = settings_of(tmp_path, '["other:ETH/USDT"]')
    engine = engine_of(tmp_path, settings)
    text = recipe_text(recipe_of(settings, engine.state.setup, id_key=b"key"))
    again = engine_from(read_recipe(text), settings_from(read_recipe(text)))

    assert again.state.setup.watched == engine.state.setup.watched
    assert list(again.state.books) == ["BTC/USDT", "other:ETH/USDT"]
    header = RunHeader(run_id="x", epoch=1, code_version="x", began_ns=1, config_digest="", config_text=text)
    facts = facts_of(header)
    assert facts.symbols == ("BTC/USDT",)
    assert facts.price_text("other:ETH/USDT", 100) == "1"


def test_a_reload_may_not_bring_a_market_that_is_not_there(tmp_path: Path) -> None:
    """The old config runs on; sources of the built-in strategies wait for a restart in any case."""
    engine = engine_of(tmp_path, settings_of(tmp_path))
    prepare = preparation(engine)

    assert len(prepare(settings_of(tmp_path)).sessions) == 1
    with pytest.raises(ConfigError, match="it would watch other:ETH/USDT, which this run does not"):
        prepare(settings_of(tmp_path, '["other:ETH/USDT"]'))


def test_without_another_venue_the_traded_one_stands_alone(tmp_path: Path) -> None:
    """Nothing is put between an account and its engine that is not needed."""
    venue = FakeVenue(AnchoredClock(), instrument=BTC)
    text = TEXT.replace('[venue.other]\nurl = "http://127.0.0.1:9"\n', "")
    alone = loaded(tmp_path, text.format(mode="paper", sources='["ETH/USDT"]'))

    assert with_other_venues(alone, venue, AnchoredClock()) is venue


async def test_the_feed_of_another_venue_is_public_whatever_the_mode(tmp_path: Path) -> None:
    """There is no place for a key in it; a key that its table has is not read."""
    settings = settings_of(tmp_path)
    joined = with_other_venues(settings, FakeVenue(AnchoredClock(), instrument=BTC), AnchoredClock())
    assert isinstance(joined, JoinedVenue)
    feed = joined._feed("other")
    assert isinstance(feed, BinancePublic)
    await joined.close()


def test_a_demo_watches_on_this_machine_alone(tmp_path: Path) -> None:
    """A venue without an address is the real one."""
    text = TEXT.replace('url = "http://127.0.0.1:9"\n', "")
    settings = loaded(tmp_path, text.format(mode="demo", sources='["other:ETH/USDT"]'))
    joined = with_other_venues(settings, FakeVenue(AnchoredClock(), instrument=BTC), AnchoredClock())
    assert isinstance(joined, JoinedVenue)
    with pytest.raises(ConfigError, match=r"venue\.other: a demo stays on this machine"):
        joined._feed("other")


def test_a_demo_trades_on_the_venue_of_its_sessions(tmp_path: Path) -> None:
    """However the tables are ordered."""
    ready = Ready(url="http://127.0.0.1:1", ws_url="", pid=1, api_key="k", api_secret="s")
    given = demo_venue_settings(settings_of(tmp_path, mode="demo"), ready, AnchoredClock())

    assert given.addresses.rest.startswith("http://127.0.0.1:8")


def test_other_sources_wait_for_a_restart(tmp_path: Path) -> None:
    """Everything else of an edit applies; what belongs to the new sources is refused until then."""
    running = settings_of(tmp_path)
    edited = TEXT.format(sources='["ETH/USDT", "other:ETH/USDT"]', mode="paper").replace(
        "spread_bps = 10", "spread_bps = 12"
    )
    new = loaded(tmp_path, edited)
    found = changes(running, new)
    assert {one.key: one.applies for one in found} == {
        "pair.btc.params.sources": Applies.RESTART,
        "pair.btc.params.spread_bps": Applies.NEXT_QUOTE,
    }
    merged = in_force(running, new, found).pair["btc"].params
    assert isinstance(merged, CrossReference.Params)
    assert merged.sources == ("ETH/USDT",)
    assert merged.spread_bps == Decimal(12)

    new = loaded(tmp_path, edited + "source_weights = [1, 2]\n")
    with pytest.raises(ConfigError, match="source_weights"):
        in_force(running, new, changes(running, new))

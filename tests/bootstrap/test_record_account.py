"""`mm record --account` on a local exchange: what happens to an account that a bot of its own trades on.

The bot is another process; the recorder is this one, or one that is killed. What was recorded is held to what
the exchange put on its sockets, byte for byte.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote
from urllib.request import Request, urlopen

import msgspec
import pytest

from mm.bootstrap.record import RecordAsked, RecordReport, RecordState, record_market
from mm.bootstrap.record_account import check_account
from mm.domain.events import BookLost, PublicTrade
from mm.domain.tape import events
from mm.errors import ConfigError, VenueRefused
from mm.exchange.connection import Connection
from mm.exchange.signing import Ed25519Key, HmacKey
from mm.settings.models import Settings
from mm.store.recordings.facts import Facts
from mm.store.recordings.findings import Fault
from mm.store.recordings.framed.form import FramedKind, FramedRecord, answer_of
from mm.store.recordings.framed.own import OwnFacts, own_facts
from mm.store.recordings.framed.reader import FramedRecording, FramedSegment
from mm.store.recordings.framed.writer import FramedLimits
from mm.store.recordings.opening import open_source
from mm.store.recordings.verify import verify
from tests.builders.configs import SMALL, loaded
from tests.builders.exchange_keys import ED25519_KEY, PRIVATE_PEM, SECOND_KEY
from tests.builders.exchange_thread import Hosted, hosted
from tests.builders.processes import until

S = 1_000_000_000
LIMITS = FramedLimits(free_bytes_min=0)
DEADLINE_S = 60.0
TEXT = """\
mode = "live"
data_dir = "{data_dir}"

[venue.main]
key = "env:MM_TEST_KEY"
secret = "env:MM_TEST_SECRET"
url = "{url}"

[pair.btc]
symbol = "BTC/USDT"

[pair.btc.params]
bid_spread_bps = 1
ask_spread_bps = 1
order_amount_base = 0.002
order_refresh_time_ms = 400

[risk]
max_notional_quote = 5_000
max_order_notional_quote = 500
session_loss_quote = 100
"""


class Wire(NamedTuple):
    """What went over the exchange's wires. Fields: own: texts of the account's stream; signatures."""

    own: list[bytes]
    signatures: set[str]


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Wire:
    """Hear all that the exchange says to an account, and each signature that it looks at."""
    found = Wire([], set())
    add, verifies, verifies_too = Connection._add, HmacKey.verifies, Ed25519Key.verifies

    def _add(self: Connection, frame: str | bytes) -> None:
        if isinstance(frame, str) and ('"subscriptionId"' in frame):
            found.own.append(frame.encode())
        add(self, frame)

    def _verifies(self: HmacKey, payload: str, signature: str) -> bool:
        found.signatures.add(signature)
        return verifies(self, payload, signature)

    def _verifies_too(self: Ed25519Key, payload: str, signature: str) -> bool:
        found.signatures.add(signature)
        return verifies_too(self, payload, signature)

    monkeypatch.setattr(Connection, "_add", _add)
    monkeypatch.setattr(Ed25519Key, "verifies", _verifies_too)
    monkeypatch.setattr(HmacKey, "verifies", _verifies)
    return found


class Room:
    """Where it happens. Fields: exchange; folder; into: of the recording; config: path of the bot's."""

    def __init__(self, folder: Path, exchange: Hosted) -> None:
        """Write the config."""
        self.folder, self.exchange = folder, exchange
        self.into, self.config = folder / "rec", folder / "bot.toml"
        self.config.write_text(TEXT.format(url=exchange.url, data_dir=folder / "data"))

    def settings(self, *overrides: str) -> Settings:
        """The bot's settings."""
        folder = self.folder / "loaded"
        folder.mkdir(exist_ok=True)
        return loaded(folder, self.config.read_text(), overrides)

    def asked(self, *, for_ns: int = 0) -> RecordAsked:
        """What is to be recorded."""
        return RecordAsked(
            venue="binance",
            symbols=("BTC/USDT",),
            into=self.into,
            for_ns=for_ns,
            account=self.settings(),
            limits=LIMITS,
        )

    def records(self) -> list[FramedRecord]:
        """All that was recorded."""
        return [found for path in FramedRecording([self.into]).segments for found in FramedSegment(path)]

    def own(self) -> list[bytes]:
        """The texts of the account that were recorded."""
        return [found.payload for found in self.records() if found.kind == FramedKind.OWN]

    def facts(self) -> OwnFacts:
        """What is there of the account."""
        found = own_facts([self.into])
        assert found is not None
        return found

    def bytes(self) -> bytes:
        """Every byte of every file."""
        return b"".join(path.read_bytes() for path in sorted(self.into.iterdir()))

    def fault(self, **fields: object) -> None:
        """Let the exchange do something wrong."""
        with urlopen(Request(f"{self.exchange.url}/_mm/faults", msgspec.json.encode(fields))) as answer:
            assert answer.status == 200


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Room]:
    """An exchange and the keys of its client in the environment."""
    monkeypatch.setenv("MM_LEASE_DIR", str(tmp_path / "leases"))
    with hosted() as exchange:
        monkeypatch.setenv("MM_TEST_KEY", exchange.key)
        monkeypatch.setenv("MM_TEST_SECRET", exchange.secret)
        yield Room(tmp_path, exchange)


@pytest.fixture
def bot(room: Room) -> Iterator[subprocess.Popen[bytes]]:
    """A bot that trades on the account, in a process of its own."""
    log = (room.folder / "bot.log").open("wb")
    command = [sys.executable, "-m", "mm", "run", str(room.config), "--yes-live", "--headless"]
    child = subprocess.Popen(command, stdout=log, stderr=log)
    yield child
    child.terminate()
    child.wait(DEADLINE_S)
    log.close()


class Watching:
    """Is told how it goes: does something at each of several numbers of texts, then ends the recording."""

    def __init__(self, *steps: tuple[int, object]) -> None:
        """Args: steps: texts, and what is called then."""
        self._steps = list(steps)
        self.is_over = False
        self.was_down = False

    def __call__(self, state: RecordState) -> None:
        """Look."""
        assert state.account is not None
        self.was_down |= state.account.connections > 0 and not state.account_is_up
        if self._steps and state.account.texts >= self._steps[0][0]:
            act = self._steps.pop(0)[1]
            assert callable(act)
            act()
        if not self._steps and not self.is_over:
            self.is_over = True
            os.kill(os.getpid(), signal.SIGINT)


def recorded(room: Room, watching: Watching) -> RecordReport:
    """Record until what is watched for happened, or for a minute."""
    report = record_market(room.asked(for_ns=int(DEADLINE_S) * S), watching)
    assert watching.is_over, (room.folder / "bot.log").read_text()
    return report


def assert_no_secret(room: Room, wire: Wire) -> None:
    """No byte of any file tells how to be the account."""
    content = room.bytes()
    assert len(wire.signatures) >= 3
    for secret in (room.exchange.key, room.exchange.secret, "X-MBX-APIKEY", "listenKey", *wire.signatures):
        assert secret.encode() not in content
    for word in (b"signature=", b"timestamp=", b"recvWindow", b"apiKey"):
        assert word not in content


@pytest.mark.usefixtures("bot")
def test_what_happens_to_an_account_is_recorded_byte_for_byte_without_a_secret(
    room: Room, wire: Wire
) -> None:
    """Orders that another process places, their fills, the balances; the market beside it is whole."""
    report = recorded(room, Watching((40, lambda: None)))
    kept = room.own()
    assert len(kept) >= 40
    assert b'"result":{"subscriptionId"' in kept[0]
    # The bot hears the same on a socket of its own, under another number.
    ours = kept[1].partition(b",")[0]
    said = [text for text in wire.own if text.startswith(ours)]
    assert kept[1:] == said[: len(kept) - 1]
    assert len(said) - len(kept) <= 20  # what was on its way when the recording ended
    reports = [text for text in kept if b'"executionReport"' in text]
    assert report.account is not None
    assert report.account.texts == len(kept)
    assert report.account.kinds["executionReport"] == len(reports) > 5
    assert report.account.kinds["outboundAccountPosition"] > 2
    assert_no_secret(room, wire)

    facts = room.facts()
    assert (facts.kinds, facts.holes, facts.connections) == (report.account.kinds, [], 1)
    asked = [answer_of(found.payload)[0] for found in room.records() if found.kind == FramedKind.ANSWER]
    listed = [request for request in asked if "Orders" in request or "account" in request]
    # Two are asked for at once: whichever answer comes first.
    assert sorted(listed) == ["/api/v3/account", "/api/v3/account", "/api/v3/openOrders?symbol=BTCUSDT"]
    told = [event for chunk in open_source([room.into]).chunks() for event in events(chunk)]
    assert any(isinstance(event, PublicTrade) for event in told)
    assert not any(isinstance(event, BookLost) for event in told)
    found = verify([room.into], Facts())
    assert (found.is_clean, found.account) == (True, facts)


@pytest.mark.proof  # real processes, and seconds of waiting for a connection
@pytest.mark.usefixtures("bot")
def test_a_stream_that_is_lost_comes_back_and_the_hole_is_told(room: Room, wire: Wire) -> None:
    """Its connection is reset, or the venue ends the subscription; the market's goes on."""
    watching = Watching(
        (10, lambda: room.fault(kind="abort", target="user")),
        (20, lambda: room.fault(kind="terminate", target="user")),
        (40, lambda: None),
    )
    report = recorded(room, watching)
    assert report.account is not None
    assert (report.account.connections, report.account.lost) == (3, 2)
    assert (report.counts.connections, report.counts.gaps) == (1, 0)
    facts = room.facts()
    assert len(facts.holes) == 2
    assert all(0 < hole.to_ns - hole.from_ns < 5 * S for hole in facts.holes)
    assert facts.holes[1].reason == "the venue ended the user stream"
    found = verify([room.into], Facts())
    assert found.counts == {Fault.ACCOUNT_HOLE: 2}
    opened = [found for found in room.records() if found.kind == FramedKind.OWN_UP]
    assert [found.connection for found in opened] == [1, 2, 3]
    assert {found.connection for found in room.records() if found.kind == FramedKind.OWN} == {1, 2, 3}
    assert facts.listings == 1 + 3 * 2
    assert_no_secret(room, wire)


@pytest.mark.proof  # real processes, and seconds of waiting for a connection
@pytest.mark.usefixtures("bot")
def test_a_recorder_that_is_killed_leaves_what_it_heard_and_another_goes_on(room: Room, wire: Wire) -> None:
    """The torn end is passed over; between the two recordings is a hole of the account's stream."""
    command = [sys.executable, "-m", "mm", "record", "--symbol", "BTC/USDT", "--into", str(room.into)]
    child = subprocess.Popen([*command, "--account", str(room.config), "-q", "--free", "0"])

    def has_heard() -> bool:
        return any(b'"executionReport"' in path.read_bytes() for path in room.into.glob("*.mmr"))

    try:
        until(has_heard, deadline_s=DEADLINE_S)
    finally:
        child.kill()
        child.wait()
    heard = len(room.own())
    assert heard > 0
    recorded(room, Watching((heard, lambda: None)))
    facts = room.facts()
    assert len(FramedRecording([room.into]).segments) == 2
    assert [hole.reason for hole in facts.holes] == ["another recording begins"]
    assert facts.texts == len(room.own()) > heard
    assert set(room.own()) <= set(wire.own)
    assert_no_secret(room, wire)


def test_nothing_is_placed_or_cancelled_by_a_recorder(room: Room, wire: Wire) -> None:
    """By the exchange's own word: an order that stands there stands there afterwards."""
    room.exchange.leave("somebody's")
    before = room.exchange.truth()["counters"]["orders_placed"]
    report = record_market(room.asked(for_ns=2 * S), lambda state: None)
    assert room.exchange.truth()["counters"]["orders_placed"] == before
    assert room.exchange.statuses() == {"somebody's": "NEW"}
    assert report.account is not None
    assert (report.account.kinds, report.account.connections) == ({"answer": 1}, 1)
    (listed,) = [
        body
        for request, body in (answer_of(f.payload) for f in room.records() if f.kind == FramedKind.ANSWER)
        if request == "/api/v3/openOrders?symbol=BTCUSDT"
    ]
    assert b'"somebody\'s"' in listed
    assert report.as_dict()["account"] == report.account.as_dict()
    assert_no_secret(room, wire)


def test_a_private_key_is_in_no_byte_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wire: Wire
) -> None:
    """One that signs asymmetrically, in a file that only its owner can read."""
    file = tmp_path / "key.pem"
    file.touch(0o600)
    file.write_text(PRIVATE_PEM)
    monkeypatch.setenv("MM_TEST_KEY", ED25519_KEY)
    with hosted(**SECOND_KEY) as exchange:
        room = Room(tmp_path, exchange)
        room.config.write_text(room.config.read_text().replace("env:MM_TEST_SECRET", f"file:{file}"))
        report = record_market(room.asked(for_ns=S), lambda state: None)
        assert report.account is not None
        assert (report.account.connections, report.account.listings) == (1, 3)
        assert_no_secret(room, wire)
        content = room.bytes()
        assert ED25519_KEY.encode() not in content
        for secret in (*PRIVATE_PEM.splitlines()[1:-1], *(quote(one, safe="") for one in wire.signatures)):
            assert secret.encode() not in content


def test_a_config_without_an_account_is_refused(room: Room, tmp_path: Path) -> None:
    """By its mode, or because no key is there; no key is read, nothing is asked, nothing is written."""
    demo = loaded(tmp_path, SMALL)
    with pytest.raises(ConfigError, match=r"mm\.toml: mode is demo: it has no account") as caught:
        record_market(replace(room.asked(), account=demo), lambda state: None)
    assert "nothing is traded" in caught.value.hint
    with pytest.raises(ConfigError, match="mode is paper"):
        check_account(loaded(tmp_path, SMALL.replace("demo", "paper")), "binance")
    live = room.settings()
    with pytest.raises(ConfigError, match="its account is at binance, what is recorded is kraken"):
        check_account(live, "kraken")
    keyless = {"main": live.venue["main"].model_copy(update={"secret": None})}
    with pytest.raises(ConfigError, match="no key and secret"):
        check_account(live.model_copy(update={"venue": keyless}), "binance")
    assert not room.into.exists()


def test_a_key_that_cannot_be_read_or_is_refused_is_told_before_anything_is_written(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the name of its variable, or by the venue's word; a far name for a local exchange too."""
    monkeypatch.setenv("MM_TEST_KEY", "k" * 64)
    with pytest.raises(VenueRefused, match="refuses the key") as caught:
        record_market(room.asked(), lambda state: None)
    assert "kkk" not in f"{caught.value} {caught.value.hint}"
    monkeypatch.delenv("MM_TEST_KEY")
    with pytest.raises(ConfigError, match="env:MM_TEST_KEY: the variable is not set"):
        record_market(room.asked(), lambda state: None)
    assert not room.into.exists()

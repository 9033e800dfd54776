"""What a command cannot use it refuses: place, what was expected, nearest choice, nothing done."""

from __future__ import annotations

import gzip
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import pytest
from sqlalchemy import select

from tests.worker.cli.conftest import Shoal, added
from worker import models
from worker.database import open_engine, reading

FORGOTTEN: Final = 2**80
HEADER: Final = "order,customer,time,product,quantity,price\n"
ROW: Final = "o1,c1,2011-01-01,p,1,1\n"
WELCOME: Final = Path(models.__file__).parents[1] / "campaigns" / "library" / "welcome.yaml"


class Refused(NamedTuple):
    """Words of a command, parts of what it says, and its exit code."""

    words: str
    said: tuple[str, ...]
    code: int = 2


def refused(words: str, *said: str, code: int = 2) -> Refused:
    return Refused(words, said, code)


STORES: Final = (
    refused("store add shop", "id 'shop' is taken", "expected one that no store has yet"),
    refused("store add shop", "other secrets", "`shoal store secrets shop`"),
    refused("store secrets shp", "did you mean 'shop'?"),
    refused("store secrets shop", "without a terminal", "--secret api_key=VALUE"),
    refused("store secrets shop --secret api_ky=hidden", "did you mean 'api_key'?"),
    refused("store secrets shop --forget api_key", "api_key is missing"),
    refused("store secrets shop --forget hook", "no such secret", "api_key, webhook_secret"),
    refused("store add Shop!", "id 'Shop!'", "expected a-z"),
    refused("store add b --platform sanbox", "expected one of", "did you mean 'sandbox'?"),
    refused("store add b --currency eur", "currency 'eur'", "did you mean EUR?"),
    refused("store add b --currency EUU", "currency 'EUU'", "ISO 4217"),
    refused("store add b --time-zone Europe/Berln", "did you mean Europe/Berlin?"),
    refused("store add b --clock lag", "clock 'lag'", "wall or log", "did you mean log?"),
    refused("store add b --url ftp://x", "url 'ftp://x'", "expected http:// or https://"),
    refused("store add b --url http://", "expected http:// or https:// and a host"),
    refused("store add b --url http://[::1", "expected http:// or https:// and a host"),
    refused("store add b --url http://host:99999", "expected http:// or https:// and a host"),
    refused("store add b --url http://u:hidden@host", "url 'http://…@host'", "--secret"),
    refused("store add b --url http://host/?key=1", "expected nothing behind the path"),
    refused("store add b --option x", "--option 'x'", "NAME=VALUE"),
    refused("store add b --secret =x", "--secret", "NAME=VALUE"),
    refused("store add b --option attributes=size:texts", "did you mean 'text'?"),
    refused("store add b --currency E --clock x --time-zone Y", "currency", "clock", "time zone"),
    refused("store add b --option atributes=x:text", "did you mean 'attributes'?"),
    refused("store add b --secret api_ky=hidden", "did you mean 'api_key'?", "whsec_"),
    refused("store add b --secret api_ky=whsec_aGk=", "did you mean 'api_key'?"),
    refused("store add b --platform shopify", "url is missing", "Domains", "--url URL"),
    refused(
        "store add b --platform shopify --url https://shop.example --secret client_id=a",
        "url 'https://shop.example': expected https://NAME.myshopify.com",
        "Settings → Domains",
    ),
    refused(
        "store add b --url http://x --offline --secret api_key=k --secret webhook_secret=w",
        "currency: nobody was asked, so --currency is needed",
    ),
    refused("store poll old --every 0", "--every '0'", "30s, 15m, 12h, 7d or 2w"),
    refused("store poll old --every 5x", "--every '5x'", "30s, 15m, 12h, 7d or 2w"),
    refused("store poll old --every 2w", "store old has no address to be read from"),
    refused("store add b --past 1y", "--past '1y'", "30s, 15m, 12h, 7d or 2w; 0 is none"),
    refused("segments rollback 1 --for 0w", "--for '0w'", "30s, 15m, 12h, 7d or 2w"),
    refused("segments rollback 1 --for 2w --store old", "version 1"),
    refused("store poll old", "store old has no address to be read from"),
    refused("store add b --url http://x", "api_key is missing", "webhook_secret is missing"),
    refused(
        "store add b --platform vendure --url http://x --secret username=u",
        "password is missing",
        "--secret password=VALUE",
    ),
    refused("store add b --origins shop.example", "origin 'shop.example'", "https://shop.ex"),
    refused("store keys shp", "did you mean 'shop'?"),
    refused("store add b --platform shopify --secret client_id", "--secret client_id=VALUE"),
    refused("store keys shop --renew sever", "--renew 'sever'", "expected server or browser"),
    refused("store keys shop --renew server --origins x", "origin 'x'", "or *"),
    refused("store ad x", "No such command 'ad'", "Did you mean 'add'?"),
    refused("store list --jsn", "No such option: --jsn", "--json"),
    refused("stor", "No such command 'stor'"),
)
CAMPAIGNS: Final = (
    refused("campaigns check", "Missing argument"),
    refused("campaigns check nowhere.yaml", "nowhere.yaml", "there is no such file"),
    refused("campaigns check empty", "empty", "expected a folder with .yaml files"),
    refused("campaigns check latin.yaml", "latin.yaml", "expected UTF-8, found byte 0xff"),
    refused("campaigns check twins", "twins/b.yaml", "'welcome' is in another file too"),
    refused("campaigns check list.yaml", "list.yaml", "expected a mapping with `id:`"),
    refused("campaigns check open.yaml", "open.yaml", "line 2"),
    refused(
        "campaigns check three.yaml",
        "three.yaml: 3 problems",
        "did you mean 'at_risk'?",
        "did you mean 'recency_days'?",
        "holdout: expected a number from 0 to 0.9, found 2",
    ),
    refused("campaigns plan welcome.yaml --store shp", "did you mean 'shop'?"),
    refused("campaigns plan welcome.yaml", "--store", "old, shop"),
    refused("campaigns apply good.yaml three.yaml --store shop", "three.yaml: 3 problems"),
    refused("campaigns start welcom --store shop", "did you mean 'welcome'?"),
    refused("campaigns pause nope --store shop", "campaign 'nope' is not here", "welcome"),
    refused("campaigns pause --store shop", "expected a campaign's id, or --all"),
    refused("campaigns pause welcome --all --store shop", "expected a campaign's id, or --all"),
    refused("campaigns preview x --store shop", "campaign 'x' is not here"),
    refused("campaigns results win --store shop", "campaign 'win' is not here"),
    refused("campaigns explain x@y.zz --store shop", "that e-mail", "our id, the platform's id"),
    refused(f"campaigns explain {FORGOTTEN} --store shop", "no customer is known by"),
)
CUSTOMERS: Final = (
    refused("customers show x --store shop", "no customer is known by 'x'"),
    refused(f"customers show {FORGOTTEN} --store shop", "no customer is known by"),
    refused("customers explain x --store shop", "no customer is known by 'x'"),
    refused("customers export x --store shop", "no customer is known by 'x'"),
    refused("customers erase x --yes --store shop", "no customer is known by 'x'"),
    refused("segments show at_rsk --store shop", "expected one of champions", "'at_risk'?"),
    refused("segments list --store shp", "did you mean 'shop'?"),
    refused("features export --store shop", "Missing option '--out'"),
    refused("features export --out x.xls --store shop", "x.xls", ".csv, .csv.gz, .parquet"),
    refused("features export --out no/x.csv --store shop", "no/x.csv", "cannot be written"),
    refused("features export --out x.csv --as-of monday --store shop", "--as-of 'monday'"),
    refused("dead-letters list --store shp", "did you mean 'shop'?"),
    refused("dead-letters list --limit 0", "--limit"),
    refused("dead-letters list --limit x", "--limit"),
    refused("dead-letters replay zz --store shop", "dead letter 'zz'", "dead-letters list"),
    refused("dead-letters replay abcd --store shop", "'abcd' is not of store shop"),
    refused("demo --events -1", "--events -1", "expected a number"),
    refused("demo --sabotage dorp", "did you mean drop?"),
    refused("demo --keep twins", "expected a folder that is new or empty"),
    refused("demo --keep welcome.yaml/x", "expected a folder that is new or empty"),
    refused("demo --keep welcome.yaml", "expected a folder that is new or empty"),
)
REPLAYS: Final = (
    refused("replay log.csv", "Missing option '--store'"),
    refused("replay log.csv --store shop", "--clock log"),
    refused("replay log.csv --store ol", "did you mean 'old'?"),
    refused("replay log.csv --store old --map ordr=a", "did you mean order?"),
    refused("replay log.csv --store old --map order", "expected order=COLUMN"),
    refused("replay log.csv --store old --map order=a,order=b", "expected each name once"),
    refused("replay log.csv --store old --map order=oder", "nearest is 'order'"),
    refused("replay log.csv --store old --map order=customer", "is order already"),
    refused("replay none.csv --store old", "none.csv: there is no such file"),
    refused("replay empty --store old", "expected .csv, .csv.gz, .parquet or .jsonl"),
)
# Name of a file, what is in it, what is said of it.
LOGS: Final[Sequence[tuple[str, str | bytes, str]]] = (
    ("time.csv", HEADER + ROW + "o2,c1,2011-13-01,p,1,1\n", "row 2: time '2011-13-01': expected"),
    ("numeric.csv", HEADER + "o1,c1,20110101,p,1,1\n", "row 1: time '20110101': expected ISO 8601"),
    ("offsets.csv", HEADER + ROW + "o2,c,2011-01-01T00:00:00Z,p,1,1\n", "all with an offset"),
    ("early.csv", HEADER + "o1,c1,0001-01-01,p,1,1\n", "expected a time between 1900 and 2200"),
    ("late.csv", HEADER + "o1,c1,2199-01-01,p,1,1\n", "order 'o1': time 2199-01-01"),
    ("price.csv", HEADER + "o1,c1,2011-01-01,p,1,x\n", "row 1: price 'x': expected a number"),
    ("inf.csv", HEADER + "o1,c1,2011-01-01,p,1,inf\n", "row 1: price 'inf': expected a number"),
    ("large.csv", HEADER + "o1,c1,2011-01-01,p,1e30,1\n", "order 'o1' is too large"),
    ("many.csv", HEADER + "o1,c1,2011-01-01,p,9e18,0\n", "order 'o1' is too large"),
    ("header.csv", HEADER, "found no line"),
    ("nothing.csv", "", "expected a header"),
    ("other.csv", "a,b\n1,2\n", "no column 'order' for order, no column 'customer'"),
    ("date.csv", HEADER.replace("time", "Date"), "no column 'time' for time; there are order"),
    ("dated.csv", "Order ID,buyr,buyer,Date\n", "--map 'order=Order ID,customer=buyer,time=Date'"),
    ("semi.csv", HEADER.replace(",", ";") + "1;2;3;4;5;6\n", "expected commas between columns"),
    ("wide.csv", HEADER + "o1,c1,2011-01-01,p,1,1,9,9\n", "as many cells in each row"),
    ("latin.csv", HEADER.encode() + b"\xff,c1,2011-01-01,p,1,1\n", "UTF-8, found byte 0xff"),
    ("junk.csv.gz", b"no gzip", "junk.csv.gz"),
    ("half.csv.gz", gzip.compress(HEADER.encode() * 99)[:-20], "half.csv.gz"),
    ("junk.parquet", b"no parquet", "junk.parquet"),
    ("open.jsonl", '{"order":\n', "open.jsonl"),
    ("list.jsonl", "[1, 2]\n", "no column 'order'"),
)


@pytest.fixture
def shop(shoal: Shoal, at_valkey: str, tmp_path: Path) -> Shoal:
    """A store on the wall's clock with a campaign, one on a log's, and files to name."""
    assert at_valkey
    added(shoal, "shop")
    ran = shoal("store", "add", "old", "--clock", "log")
    assert "kept in EUR, since nobody said another --currency" in ran.out
    text = WELCOME.read_text()
    files = {
        "welcome.yaml": text,
        "good.yaml": text.replace("id: welcome", "id: other"),
        "twins/a.yaml": text,
        "twins/b.yaml": text,
        "list.yaml": "- 1\n",
        "open.yaml": "id: [\n",
        "log.csv": HEADER + ROW,
        "three.yaml": "id: x\nwhen: {segment: at_rsk, enters: true}\nif: {recency_day: {at_least: "
        "3}}\nsteps: [{coupon: {percent_off: 5, maximum_discount: 5, valid_for: 1d}}]\nholdout: 2",
    }
    (tmp_path / "twins").mkdir()
    (tmp_path / "empty").mkdir()
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    (tmp_path / "latin.yaml").write_bytes(b"id: \xff\n")
    ran = shoal("campaigns", "apply", "welcome.yaml", "--store", "shop")
    assert ran.code == 0, ran.err
    return shoal


@pytest.mark.parametrize(
    "table", [STORES, CAMPAIGNS, CUSTOMERS, REPLAYS], ids=["stores", "campaigns", "people", "logs"]
)
def test_what_cannot_be_used_is_refused_in_words_and_leaves_nothing(
    shop: Shoal, home: Path, *, table: Sequence[Refused]
) -> None:
    before = contents(home)
    wrong = []
    for one in table:
        ran = shop(*one.words.split())
        said = " ".join(ran.err.replace("│", " ").split())
        missing = [part for part in one.said if part not in said]
        if ran.code != one.code or missing or ran.out or "Traceback" in ran.err or "hidden" in said:
            wrong.append((one.words, ran, missing))
    assert wrong == []
    assert contents(home) == before


@pytest.mark.parametrize("log", LOGS, ids=[name for name, _, _ in LOGS])
def test_a_log_that_cannot_be_read_is_refused_before_any_of_it_is_played(
    shoal: Shoal, at_valkey: str, home: Path, *, log: tuple[str, str | bytes, str]
) -> None:
    assert at_valkey
    name, content, said = log
    added(shoal, "old", "--clock", "log")
    (home.parent / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    before = contents(home)
    ran = shoal("replay", name, "--store", "old", "--json")
    assert (ran.code, ran.out) == (2, "")
    assert said in ran.err
    assert contents(home) == before


def contents(home: Path) -> dict[str, list[str]]:
    """Every row of every table."""
    engine = open_engine(f"sqlite:///{home / 'shoal.db'}")
    with reading(engine) as connection:
        found = {
            name: sorted(map(repr, connection.execute(select(table)).all()))
            for name, table in models.metadata.tables.items()
        }
    engine.dispose()
    return found


def test_where_no_store_is_none_is_offered(shoal: Shoal) -> None:
    ran = shoal("store", "keys", "shop")
    assert (ran.code, ran.out) == (2, "")
    assert "'shop' is not known: there is no store yet, `shoal store add` makes one" in ran.err


@pytest.mark.parametrize(
    "words",
    [
        "store add Shop!",
        "store add b --platform sanbox",
        "store add b --url http://x",
        "store add b --platform shopify --url https://shop.example --secret client_id=a",
        "store add b --option atributes=x:text",
    ],
)
def test_what_is_refused_first_of_all_makes_nothing(
    shoal: Shoal, home: Path, monkeypatch: pytest.MonkeyPatch, words: str
) -> None:
    """No folder, no table, and no key that somebody would keep a copy of."""
    monkeypatch.delenv("SHOAL_SECRET_KEY")
    ran = shoal(*words.split())
    assert (ran.code, "secret key" in ran.err) == (2, False)
    assert not home.exists()


def test_a_secret_cannot_be_asked_for_without_a_terminal(
    shoal: Shoal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("typed\n"))
    ran = shoal("store", "add", "b", "--secret", "api_key")
    assert (ran.code, ran.out) == (2, "")
    assert "--secret api_key=VALUE" in ran.err
    assert "GetPassWarning" not in ran.err


@pytest.mark.parametrize("host", ["198.51.100.7", "no such host"])
def test_an_address_that_cannot_be_listened_on_names_its_variable(
    shoal: Shoal, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    monkeypatch.setenv("SHOAL_HOST", host)
    ran = shoal("up")
    assert ran.code == 2
    assert f"SHOAL_HOST {host!r} cannot be listened on" in ran.err

"""A log whose customers go by addresses: known by e-mail, found by it, and nowhere in clear."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pandas as pd
import pytest
from sqlalchemy import Engine, select
from sqlalchemy.engine import URL

from tests.worker.cli.conftest import Shoal, added
from tests.worker.test_erasure import contents, folder_of, write_down
from worker import installation, models
from worker.database import open_engine, reading, transaction
from worker.sealing import sealer_from

ANN: Final = "ann@example.com"
BEN: Final = "ben@example.com"
LOG: Final = f"""order,customer,time,product,quantity,price
o1,{ANN},2011-01-03T10:00:00,p1,1,20
o2,4711,2011-01-03T11:00:00,p1,1,10
o3, Ann@Example.com ,2011-01-04T10:00:00,p2,2,15
Co3,{ANN},2011-01-05T10:00:00,p2,2,15
o4,{ANN},2011-01-06T10:00:00,p1,-1,20
o5,{BEN},2011-01-06T11:00:00,p1,1,40
"""


@pytest.fixture
def engine(at_database: URL) -> Iterator[Engine]:
    """The database that the commands work on."""
    made = open_engine(at_database)
    with transaction(made) as connection:
        installation.partitions(connection, 2)
    yield made
    made.dispose()


@pytest.fixture
def shop(shoal: Shoal, engine: Engine, tmp_path: Path) -> Shoal:
    """A store into which the log was replayed, with a Valkey of its own in its home."""
    assert engine
    added(shoal, "past", "--clock", "log")
    log = tmp_path / "log.csv"
    log.write_text(LOG)
    ran = shoal("replay", log, "--store", "past", "--json")
    assert ran.code == 0, ran.err
    assert (ran.json["events"], ran.json["customers"]) == (6, 3)
    log.unlink()
    return shoal


def kept(home: Path, engine: Engine) -> bytes:
    """Every file of the home and of the database, and every row, in lower case."""
    write_down(engine)
    with reading(engine) as connection:
        tables = [
            repr(tuple(row))
            for table in models.metadata.tables.values()
            for row in connection.execute(select(table))
        ]
    return (contents([home, folder_of(engine)]) + "\n".join(tables).encode()).lower()


@pytest.mark.invariant("I9")
def test_addresses_of_a_replayed_log_are_sealed_and_found(
    shop: Shoal, home: Path, engine: Engine, tmp_path: Path
) -> None:
    out = tmp_path / "features.csv"
    assert shop("features", "export", "--out", out).code == 0
    assert b"@example.com" not in out.read_bytes().lower()
    assert b"@example.com" not in kept(home, engine)
    table = pd.read_csv(out, dtype={"customer_id": "str"}).set_index("customer_id")
    assert len(table) == 3
    assert table["orders"].loc["4711"] == 1
    ann = shop("customers", "show", ANN, "--json").json
    assert ann["customer_id"] == ""
    assert table["monetary_value"].loc[str(ann["customer"])] == 50
    assert table["refunded_value"].loc[str(ann["customer"])] == 50
    again = shop("customers", "show", ann["customer"], "--json").json
    assert again["features"]["orders"] == ann["features"]["orders"] == 2
    found = shop("customers", "export", ANN).json
    assert found["profile"] == {"email": ANN}
    assert {one["order_id"] for one in found["orders"]} == {"o1", "o3"}


@pytest.mark.invariant("I9")
def test_who_was_replayed_by_an_address_can_be_erased(
    shop: Shoal, home: Path, engine: Engine, tmp_path: Path
) -> None:
    blind = sealer_from("a key for the tests only").blind("past", ANN)
    with reading(engine) as connection:
        before = connection.execute(select(models.profiles.c.sealed)).scalars().all()
    assert blind.encode() in kept(home, engine)
    assert shop("customers", "erase", ANN, "--yes").code == 0
    with reading(engine) as connection:
        (left,) = connection.execute(select(models.profiles.c.sealed)).scalars()
    after = kept(home, engine)
    assert len(before) == 2
    gone = {blind.encode(), *(one.lower() for one in before if one != left)}
    assert [one for one in gone if one in after] == []
    assert [trace for trace in (ANN, "co3", "'o1'", "'o3'") if trace.encode() in after] == []
    assert shop("customers", "show", ANN).code == 2
    log = tmp_path / "again.csv"  # another name: it is played from its beginning
    log.write_text(LOG)
    assert shop("replay", log, "--store", "past").code == 0
    assert shop("customers", "show", ANN).code == 2
    assert shop("customers", "show", BEN).code == 0

"""The words for a store's figures: its language, currency, categories and own features."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection

from segmentation.catalogues import LANGUAGES
from segmentation.constructed import Constructed
from segmentation.wording import Words, number
from worker.errors import SettingError
from worker.own_features import declared_features
from worker.runtime import Kit
from worker.shop import Shop


def words_of(shop: Shop, language: str, declared: Iterable[Constructed] = ()) -> Words:
    """Words of a language for a store.

    ``declared`` are the features of its own that no group in force need know: rules ask for them.

    Raises
    ------
    SettingError
        Naming the languages there are.
    """
    if language not in LANGUAGES:
        message = f"--language {language!r}: expected one of {', '.join(LANGUAGES)}"
        raise SettingError(message)
    categories = {slot: name for name, slot in shop.slots.items()}
    made = (*declared, *shop.model.constructed)
    own = {one.name: one for one in made if one.kind != "catalogue"}
    return Words(language, shop.currency, categories, own)


def words_here(kit: Kit, connection: Connection, shop: Shop, language: str) -> Words:
    """Words for a command: of ``language``, where that is '' of `SHOAL_LANGUAGE`.

    Raises
    ------
    SettingError
        Naming the languages there are.
    """
    declared = declared_features(connection, shop.number).features
    return words_of(shop, language or kit.settings.language, declared)


def sample_words(words: Words, read: int, there: int) -> str:
    """Of how many customers figures are, where not all were read; else ''."""
    if read >= there:
        return ""
    return words.say(
        "Counted on {read} of {customers} customers with an order, drawn by lot.",
        read=number(read),
        customers=number(there),
    )

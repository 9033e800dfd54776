"""The words for a store's figures: its language, currency and categories."""

from __future__ import annotations

from collections.abc import Iterable

from segmentation.catalogues import LANGUAGES
from segmentation.constructed import Constructed
from segmentation.wording import Words
from worker.errors import SettingError
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
    own = {one.name: one for one in (*declared, *shop.model.constructed)}
    return Words(language, shop.currency, categories, own)

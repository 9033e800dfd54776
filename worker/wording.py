"""The words for a store's figures: its language, currency and categories."""

from __future__ import annotations

from segmentation.catalogues import LANGUAGES
from segmentation.wording import Words
from worker.errors import SettingError
from worker.shop import Shop


def words_of(shop: Shop, language: str) -> Words:
    """Words of a language for a store.

    Raises
    ------
    SettingError
        Naming the languages there are.
    """
    if language not in LANGUAGES:
        message = f"--language {language!r}: expected one of {', '.join(LANGUAGES)}"
        raise SettingError(message)
    categories = {slot: name for name, slot in shop.slots.items()}
    own = {one.name: one for one in shop.model.constructed}
    return Words(language, shop.currency, categories, own)

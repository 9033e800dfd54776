"""How a model reads a feature, in words: where it is cut, what is unknown, how it is transformed.

The English of it stands in docs/features.md, too, by `segmentation.features`' `cut_at`,
`unknown_as` and `read_as`.
"""

from __future__ import annotations

from segmentation.constructed import Constructed, as_feature, meaning_of
from segmentation.features import Feature
from segmentation.wording import Words
from segmentation.wording_features import definition_words, label


def bounds_words(words: Words, one: Feature) -> str:
    """Where a model cuts a feature; '' for nowhere."""
    parts = []
    if one.clip is not None:
        low, high = (f"{bound:g}" for bound in one.clip)
        parts.append(words.say("{low} to {high}", low=low, high=high))
    if one.outliers is not None:
        low, high = (f"{bound:g}" for bound in one.outliers)
        parts.append(words.say("quantiles {low} to {high}", low=low, high=high))
    return words.enumerated(parts)


def unknown_words(words: Words, one: Feature) -> str:
    """What an unknown value counts as."""
    return words.say("median") if isinstance(one.impute, str) else f"{one.impute:g}"


def transform_words(words: Words, one: Feature) -> str:
    """The transform, and whether it is scaled."""
    told = words.say("log") if one.transform == "log" else words.say("none")
    return told if one.scaling == "standardise" else words.enumerated([told, words.say("unscaled")])


def meaning_words(words: Words, one: Constructed) -> str:
    """What a shop's own feature means: as its file says, else its definition."""
    if one.meaning:
        return one.meaning
    if words.language == "en":
        return meaning_of(one)
    return label(words, one.name) if one.kind == "catalogue" else definition_words(words, one)


def reading_words(words: Words, one: Constructed) -> tuple[str, str, str, str]:
    """Bounds, unknown, transform and meaning of a feature in a shop's file."""
    entry = as_feature(one)
    return (
        bounds_words(words, entry),
        unknown_words(words, entry),
        transform_words(words, entry),
        meaning_words(words, one),
    )

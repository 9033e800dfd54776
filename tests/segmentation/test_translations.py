"""Every message has its words in Chinese, and no word stands in the catalogue for nothing."""

from __future__ import annotations

import ast
import io
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from gettext import GNUTranslations
from pathlib import Path
from typing import Final

import pytest

from campaigns.condition_file import CUSTOMER_EVENTS
from segmentation import naming
from segmentation.catalogues import (
    LANGUAGES,
    SOURCE,
    compiled,
    entries,
    source_text,
    translations,
)
from segmentation.errors import UnknownLanguage
from segmentation.features import FEATURES, NAMES
from segmentation.rules import STAGES
from segmentation.wording import UNITS, Words
from segmentation.wording_events import event_words
from segmentation.wording_events import has_words as has_event_words
from segmentation.wording_features import has_words, label
from segmentation.wording_groups import segment_words, stage_meaning
from segmentation.wording_segments import CAUSES, cause_words
from worker.told_causes import RECORDED

ROOT: Final = Path(__file__).parents[2]
# Who says a message: ``words.say("...")``, ``words.count("...", "...", ...)``, ``message("...")``.
SAYERS: Final = frozenset({"words", "self"})
TRANSLATED: Final = [language for language in LANGUAGES if language != SOURCE]
CHINESE: Final = re.compile(r"[\u4e00-\u9fff]")


def messages() -> set[str]:
    """Every message in the code, plural forms parted by a NUL."""
    places = [*(ROOT / "segmentation").rglob("*.py"), *(ROOT / "worker").rglob("*.py")]
    return {
        text
        for path in places
        if "wording" in (code := path.read_text()) or "wording" in path.name
        for node in ast.walk(ast.parse(code))
        if isinstance(node, ast.Call)
        for text in said_by(node)
    }


def said_by(call: ast.Call) -> Iterator[str]:
    match call.func:
        case ast.Name("message") | ast.Attribute(ast.Name(), "say" | "count"):
            if isinstance(call.func, ast.Attribute) and not is_sayer(call.func.value):
                return
            forms = 2 if isinstance(call.func, ast.Attribute) and call.func.attr == "count" else 1
            texts = [one.value for one in call.args[:forms] if isinstance(one, ast.Constant)]
            if len(texts) == forms:
                yield "\0".join(map(str, texts))


def is_sayer(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id in SAYERS


def placeholders(text: str) -> set[str]:
    return set(re.findall(r"\{(\w+)\}", text))


@pytest.mark.parametrize("language", TRANSLATED)
def test_a_catalogue_has_every_message_and_no_other(language: str) -> None:
    found, there = messages(), set(entries(source_text(language))) - {""}
    assert len(found) > 100
    assert sorted(found - there) == []
    assert sorted(there - found) == []


@pytest.mark.parametrize("language", TRANSLATED)
def test_no_message_is_translated_twice(language: str) -> None:
    told = re.findall(r'^msgid "(.+)"$', source_text(language), re.MULTILINE)
    assert [key for key, times in Counter(told).items() if times > 1] == []


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_message_is_translated_with_the_same_values(language: str) -> None:
    told = {key: text for key, text in entries(source_text(language)).items() if key}
    assert [key for key, text in told.items() if not text.strip()] == []
    assert [
        (key, text) for key, text in told.items() if placeholders(key) != placeholders(text)
    ] == []


@pytest.mark.parametrize("language", TRANSLATED)
def test_the_compiled_catalogue_says_what_its_source_says(language: str) -> None:
    told = entries(source_text(language))
    read = GNUTranslations(io.BytesIO(compiled(told)))
    for key, text in told.items():
        one, _, many = key.partition("\0")
        assert (read.ngettext(one, many, 5) if many else read.gettext(one)) == text


@pytest.mark.skipif(shutil.which("msgfmt") is None, reason="compares with GNU gettext's own")
def test_gnu_gettext_compiles_the_same(tmp_path: Path) -> None:
    (tmp_path / "zh.po").write_text(source_text("zh"))
    command = ("msgfmt", "--check-format", "-o", "zh.mo", "zh.po")
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)  # noqa: S603 - our own words
    theirs = GNUTranslations(io.BytesIO((tmp_path / "zh.mo").read_bytes()))
    ours = GNUTranslations(io.BytesIO(compiled(entries(source_text("zh")))))
    assert vars(theirs)["_catalog"] == vars(ours)["_catalog"]


def test_entries_are_read_whatever_their_form() -> None:
    text = """msgid ""
msgstr "Plural-Forms: nplurals=1; plural=0;\\n"

# for people
#: place.py
msgid "a \\"quoted\\" "
"word"
msgstr "ein „zitiertes“ "
"Wort"

#, fuzzy
msgid "unsure"
msgstr "vielleicht"

msgid "{n} day"
msgid_plural "{n} days"
msgstr[0] "{n} Tage"
"""
    found = entries(text)
    assert found == {
        "": "Plural-Forms: nplurals=1; plural=0;\n",
        'a "quoted" word': "ein „zitiertes“ Wort",
        "{n} day\0{n} days": "{n} Tage",
    }


def test_every_feature_has_words() -> None:
    """Whoever adds a feature adds its words: `wording_features.py` and the catalogues."""
    assert [name for name in NAMES if not has_words(name)] == []
    assert {feature.unit for feature in FEATURES} <= UNITS
    labels = {name: label(Words("zh"), name) for name in NAMES}
    assert [name for name, told in labels.items() if not CHINESE.search(told)] == []
    assert len(set(labels.values())) == len(NAMES)


def test_every_event_of_a_condition_has_words() -> None:
    assert [name for name in CUSTOMER_EVENTS if not has_event_words(name)] == []
    english = {event_words(Words(), name) for name in CUSTOMER_EVENTS}
    assert english == {name.replace("_", " ") for name in CUSTOMER_EVENTS}
    chinese = [event_words(Words("zh"), name) for name in CUSTOMER_EVENTS]
    assert [told for told in chinese if not CHINESE.search(told)] == []
    assert len(set(chinese)) == len(CUSTOMER_EVENTS)


def test_every_stage_trait_and_cause_has_words() -> None:
    zh = Words("zh")
    for stage in STAGES:
        assert CHINESE.search(segment_words(zh, stage))
        assert CHINESE.search(stage_meaning(zh, stage))
    for trait in naming._TRAITS:  # noqa: SLF001 - each of them
        assert segment_words(Words(), f"lost.{trait.slug}") == f"Lost · {trait.words}"
        assert len(CHINESE.findall(segment_words(zh, f"lost.{trait.slug}"))) > 4
    assert {"event", "time", "model", "import", "rule"} == CAUSES - set(RECORDED)
    assert {cause_words(zh, one) for one in RECORDED}.isdisjoint(RECORDED)


def test_another_language_is_refused_by_name() -> None:
    with pytest.raises(UnknownLanguage, match="language 'fr': expected one of en, zh"):
        translations("fr")

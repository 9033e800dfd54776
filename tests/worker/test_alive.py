"""A sign of life is a file; a folder that was removed is not brought back by it."""

from __future__ import annotations

import shutil
from dataclasses import replace
from math import inf

from worker import alive
from worker.settings import Settings


def test_a_sign_is_young_and_does_not_bring_back_a_folder_that_was_removed(
    settings: Settings,
) -> None:
    assert alive.silence(settings, "drain") == inf
    alive.show(settings, "drain")
    assert alive.silence(settings, "drain") < alive.PATIENCE
    shutil.rmtree(settings.home)
    alive.show(settings, "drain")
    assert not settings.home.exists()
    assert alive.silence(settings, "drain") == inf


def test_the_first_sign_of_all_does_not_bring_back_what_was_removed_around_the_home(
    settings: Settings,
) -> None:
    late = replace(settings, home=settings.home / "demo" / "shoal")
    alive.show(late, "drain")
    assert not late.home.parent.exists()
    late.home.parent.mkdir(parents=True)
    alive.show(late, "drain")
    assert alive.silence(late, "drain") < alive.PATIENCE

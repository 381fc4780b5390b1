from pathlib import Path

import pytest

from citybrain import env


def test_a_missing_required_setting_ends_the_process_with_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CITYBRAIN_X", raising=False)
    with pytest.raises(SystemExit, match="CITYBRAIN_X is not set: do this"):
        env.required("CITYBRAIN_X", "do this")


@pytest.mark.parametrize(("text", "value"), [("1", True), ("yes", True), ("off", False), ("0", False), ("", False)])
def test_flags_read_the_usual_words(monkeypatch: pytest.MonkeyPatch, text: str, value: bool) -> None:
    monkeypatch.setenv("CITYBRAIN_X", text)
    assert env.flag("CITYBRAIN_X") is value


def test_a_flag_that_is_no_flag_ends_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CITYBRAIN_X", "perhaps")
    with pytest.raises(SystemExit, match="use 1 or 0"):
        env.flag("CITYBRAIN_X")


def test_a_number_that_is_no_number_ends_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CITYBRAIN_X", "12a")
    with pytest.raises(SystemExit, match="whole number"):
        env.number("CITYBRAIN_X", 5)


def test_lists_drop_blanks_and_paths_become_absolute(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CITYBRAIN_X", "a, b,,c ")
    assert env.names("CITYBRAIN_X") == ["a", "b", "c"]
    monkeypatch.setenv("CITYBRAIN_X", "somewhere")
    assert env.path("CITYBRAIN_X", Path("/")).is_absolute()

from datetime import datetime
from pathlib import Path

import pytest

from mmembed.app.labels import read_labels
from mmembed.app.questions import ANY, Question
from mmembed.errors import InvalidQuery
from mmembed.gallery.items import Filters


def _filters(**values: str) -> Filters:
    return Question(**values).filters(read_labels())  # type: ignore[arg-type]


def test_nothing_chosen_filters_nothing() -> None:
    assert not _filters()
    assert not _filters(folder=ANY, orientation=ANY, since=" ", until="", caption="  ")
    assert not Question(folder=None, since=None, until=None, orientation=None, caption=None).filters(read_labels())


@pytest.mark.parametrize(
    ("written", "begin", "end"),
    [
        ("2019", datetime(2019, 1, 1), datetime(2020, 1, 1)),
        ("2020", datetime(2020, 1, 1), datetime(2021, 1, 1)),
        ("2019-02", datetime(2019, 2, 1), datetime(2019, 3, 1)),
        ("2019-12", datetime(2019, 12, 1), datetime(2020, 1, 1)),
        (" 2019-07-31 ", datetime(2019, 7, 31), datetime(2019, 8, 1)),
    ],
)
def test_a_day_a_month_and_a_year_count_from_their_beginning_to_their_end(written: str, begin: datetime, end: datetime) -> None:
    assert (_filters(since=written).since, _filters(until=written).until) == (begin, end)


@pytest.mark.parametrize("written", ["yesterday", "2019-13", "2019-02-30", "9999", "14.07.2019"])
def test_what_is_no_day_is_named(written: str) -> None:
    with pytest.raises(InvalidQuery, match=f"“{written}” is no date; write 2019"):
        _filters(until=written)


def test_the_other_filters_are_taken_as_they_are() -> None:
    expected = Filters(folder=Path.home() / "photos", orientation="square", caption="snow dog")
    assert _filters(folder="~/photos", orientation="square", caption=" snow dog ") == expected
    with pytest.raises(InvalidQuery, match="orientation"):
        _filters(orientation="round")


def test_unwanted_terms_are_separated_by_the_commas_of_any_language() -> None:
    assert Question(without="a car, 人，ماء، ; grass\n").unwanted == ["a car", "人", "ماء", "grass"]
    assert Question(without=None).unwanted == []

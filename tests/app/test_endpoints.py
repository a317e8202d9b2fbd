"""The app as programs see it: the named endpoints, through Gradio's own client, and what the server refuses to hand out."""

import urllib.error
import urllib.request
from pathlib import Path

import pytest

from mmembed.app.labels import read_settings
from tests.app.conftest import ROOT

gradio_client = pytest.importorskip("gradio_client", reason="the app needs gradio")


@pytest.fixture(scope="module")
def client(app: str):
    made = gradio_client.Client(app, verbose=False)
    yield made
    made.close()


def test_exactly_the_promised_endpoints_are_public(client) -> None:
    named = client.view_api(return_format="dict", print_info=False)["named_endpoints"]
    assert set(named) == {"/search", "/caption", "/translate", "/index"}


def test_search(client, pictures: Path) -> None:
    hits = client.predict(text="red", like=None, without="", count=2, likely_only=False, api_name="/search")
    assert [set(hit) for hit in hits] == [{"file", "similarity", "confidence"}] * 2
    assert Path(hits[0]["file"]) == pictures / "red.png"
    like = gradio_client.handle_file(str(pictures / "blue.png"))
    hits = client.predict(text="", like=like, without="", count=1, likely_only=False, api_name="/search")
    assert Path(hits[0]["file"]) == pictures / "blue.png"


def test_the_inputs_that_came_later_are_optional_and_last(client) -> None:
    named = client.view_api(return_format="dict", print_info=False)["named_endpoints"]
    first = {
        "/search": ["text", "like", "without", "count", "likely_only"],
        "/caption": ["picture", "language", "count"],
        "/translate": ["text", "source", "to", "picture", "count"],
        "/index": ["folder"],
    }
    for name, promised in first.items():
        parameters = named[name]["parameters"]
        assert [parameter["parameter_name"] for parameter in parameters[: len(promised)]] == promised
        assert all(parameter["parameter_has_default"] for parameter in parameters[len(promised) :])


def test_little_has_to_be_given(client, pictures: Path) -> None:
    assert Path(client.predict(text="red", api_name="/search")[0]["file"]) == pictures / "red.png"
    picture = gradio_client.handle_file(str(pictures / "green.png"))
    caption = client.predict(picture=picture, api_name="/caption")
    assert (caption["language"], caption["text"]) == ("en", "green")
    translation = client.predict(text="one two", source="en", api_name="/translate")
    assert (translation["language"], translation["text"], "plain" in translation) == ("de", "two one", False)


def test_search_with_filters_and_pages(client, pictures: Path) -> None:
    asked = {"text": "red", "like": None, "without": "blue, white", "count": 2, "likely_only": False, "api_name": "/search"}
    pages = [client.predict(**asked, folder=str(pictures), page=page) for page in (1, 2, 3)]
    assert [len(hits) for hits in pages] == [2, 2, 1]
    assert len({hit["file"] for hits in pages for hit in hits}) == 5
    assert client.predict(**asked, orientation="portrait") == []
    assert len(client.predict(**asked, orientation="landscape", fold=True)) == 2
    with pytest.raises(Exception, match="is no date"):
        client.predict(**asked, since="then")


def test_caption(client, pictures: Path) -> None:
    picture = gradio_client.handle_file(str(pictures / "green.png"))
    caption = client.predict(picture=picture, language="de", count=2, api_name="/caption")
    assert (caption["language"], caption["text"], caption["alternatives"]) == ("de", "grün", ["grün!"])
    assert {"similarity", "confidence", "doubtful", "score"} <= set(caption) and "also" not in caption
    caption = client.predict(picture=picture, language="de", count=1, also=["en"], longest=3, api_name="/caption")
    assert [(other["language"], other["text"]) for other in caption["also"]] == [("en", "green")]


def test_translate(client, pictures: Path) -> None:
    picture = gradio_client.handle_file(str(pictures / "red.png"))
    translation = client.predict(text="one two", source="auto", to="fr", picture=picture, count=1, api_name="/translate")
    assert (translation["text"], translation["grounded"], translation["source"]) == ("two one red", True, "one two")
    assert (translation["plain"]["text"], translation["plain"]["grounded"]) == ("two one", False)
    assert {"similarity", "from", "via", "score", "notes", "alternatives"} <= set(translation)


def test_index(client, pictures: Path) -> None:
    report = client.predict(folder=str(pictures), api_name="/index")
    assert (report["found"], report["unchanged"], report["skipped"]) == (5, 5, [])


def test_errors_reach_programs_as_sentences(client, tmp_path: Path) -> None:
    with pytest.raises(Exception, match="needs a text or a picture"):
        client.predict(text="", like=None, without="", count=2, likely_only=False, api_name="/search")
    damaged = tmp_path / "damaged.jpg"
    damaged.write_bytes(b"no picture")
    with pytest.raises(Exception, match="The picture cannot be read"):
        client.predict(picture=gradio_client.handle_file(str(damaged)), language="en", count=1, api_name="/caption")


def test_too_large_an_upload_is_refused(client, tmp_path: Path) -> None:
    large = tmp_path / "large.png"
    large.write_bytes(bytes(read_settings().upload_megabytes * 2**20 + 1))
    with pytest.raises(Exception, match=r"(?i)413|too large|exceed|size"):
        client.predict(picture=gradio_client.handle_file(str(large)), language="en", count=1, api_name="/caption")


def test_files_are_not_served_by_their_path(app: str, gallery: Path, pictures: Path) -> None:
    for file in (pictures / "red.png", gallery / "gallery.sqlite", ROOT / "pyproject.toml", Path("/etc/passwd")):
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"{app}/gradio_api/file={file}", timeout=10)
        assert refused.value.code in (403, 404)
        refused.value.close()

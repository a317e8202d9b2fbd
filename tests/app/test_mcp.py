"""The app as assistants see it, through the real client of the Model Context Protocol."""

import asyncio
import base64
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from mmembed.app import server
from mmembed.app.server import require_mcp
from mmembed.errors import InvalidConfig, MissingPackage
from tests.app.conftest import serving


def test_what_it_needs_is_said(monkeypatch) -> None:
    monkeypatch.setattr(server, "find_spec", lambda name: None if name == "mcp" else object())
    with pytest.raises(MissingPackage, match=r"pip install 'gradio\[mcp\]'"):
        require_mcp(None)


def test_a_password_and_mcp_exclude_each_other(monkeypatch) -> None:
    monkeypatch.setattr(server, "find_spec", lambda name: object())
    require_mcp(None)
    with pytest.raises(InvalidConfig, match="--mcp does not go together with --auth"):
        require_mcp(("me", "secret"))


@pytest.fixture(scope="module")
def address(gallery: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    pytest.importorskip("gradio", reason="the app needs gradio")
    pytest.importorskip("mcp", reason="--mcp needs gradio[mcp]")
    with serving(gallery, "fake", tmp_path_factory.mktemp("mcp") / "app.txt", "en", "mcp") as served:
        yield f"{served}/gradio_api/mcp/"


def _ask(address: str, *calls: tuple[str, dict[str, Any]]) -> tuple[dict[str, Any], list[Any]]:
    """The tools by name, and the results of calls: (whether it failed, its text)."""
    from mcp import ClientSession
    from mcp.client.streamable_http import streamablehttp_client

    async def talk() -> tuple[dict[str, Any], list[Any]]:
        async with streamablehttp_client(address) as (read, write, _), ClientSession(read, write) as session:
            await session.initialize()
            tools = {tool.name: tool for tool in (await session.list_tools()).tools}
            results = [await session.call_tool(name, arguments) for name, arguments in calls]
            return tools, [(result.isError, result.content[0].text) for result in results]

    with ThreadPoolExecutor(1) as pool:  # Playwright leaves a loop running in this thread
        return pool.submit(asyncio.run, talk()).result()


def test_the_tools_are_the_endpoints_and_say_what_they_take(address: str) -> None:
    tools, _ = _ask(address)
    assert set(tools) == {"search", "caption", "translate", "index"}
    for tool in tools.values():
        assert "Returns: " in tool.description
        assert "upload_file_to_gradio" not in tool.description
        assert all(argument.get("description") for argument in tool.inputSchema["properties"].values()), tool.name
        assert "http or https url" not in json.dumps(tool.inputSchema)
    required = {name: tool.inputSchema.get("required", []) for name, tool in tools.items()}
    assert required == {"search": [], "caption": ["picture"], "translate": ["text"], "index": ["folder"]}


def test_every_tool_answers_in_json(address: str, pictures: Path) -> None:
    data = base64.b64encode((pictures / "blue.png").read_bytes()).decode()
    _, results = _ask(
        address,
        ("search", {"text": "red", "count": 2, "folder": str(pictures)}),
        ("search", {"like": f"data:image/png;base64,{data}", "count": 1}),
        ("caption", {"picture": str(pictures / "green.png"), "language": "de"}),
        ("translate", {"text": "one two", "source": "en", "to": "fr", "picture": str(pictures / "red.png")}),
        ("index", {"folder": str(pictures)}),
    )
    assert not any(failed for failed, _ in results), results
    red, blue, caption, translation, report = (json.loads(text) for _, text in results)
    assert [Path(hit["file"]).name for hit in red] == ["red.png", "yellow.png"]
    assert Path(blue[0]["file"]) == pictures / "blue.png"
    assert (caption["language"], caption["text"], caption["doubtful"]) == ("de", "grün", True)
    assert (translation["text"], translation["plain"]["text"]) == ("two one red", "two one")
    assert report["unchanged"] == 5


def test_what_is_refused_is_said_in_a_sentence(address: str, pictures: Path, gallery: Path) -> None:
    _, results = _ask(
        address,
        ("caption", {"picture": "https://example.org/dog.jpg"}),
        ("caption", {"picture": "/etc/passwd"}),
        ("caption", {"picture": str(gallery / "gallery.sqlite")}),
        ("caption", {"picture": f"{pictures}/../{pictures.name}/nothing.png"}),
        ("search", {}),
        ("translate", {"text": "x" * 1000}),
    )
    said = ["Addresses are not opened", *["no picture of this gallery"] * 3, "needs a text or a picture", "1000 characters; the limit is"]
    for (failed, text), sentence in zip(results, said, strict=True):
        assert failed and sentence in text

"""Gradio's MCP server, with what assistants need: pictures of the gallery by their path, and results as JSON.

The tools are the endpoints; see https://modelcontextprotocol.io for the protocol.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr
from gradio_client import handle_file

from mmembed.app.guard import NO_ADDRESSES
from mmembed.app.service import Service
from mmembed.errors import MmembedError


def adapt(blocks: gr.Blocks, service: Service) -> None:
    """Change how the MCP server of launched blocks reads pictures and writes results.

    Raises:
        MmembedError: Gradio could not start the server.
    """
    server: Any = blocks.mcp_server_obj
    if server is None:
        raise MmembedError(f"The MCP server did not start: {blocks.mcp_error}")
    as_gradio_reads, described, schema = server.convert_strings_to_filedata, server.get_fn_description, server.get_input_schema
    about_files: str = server._file_data_tool_description

    def pictures(arguments: dict[str, Any], positions: list[list[str | int]]) -> Any:
        """Gradio takes addresses, which are not opened here, and data; what assistants have is the paths that /search gave them."""
        named = {str(position[0]) for position in positions}
        read = {name: _picture(value, service) if name in named else value for name, value in arguments.items()}
        taken = {name: read.pop(name) for name in named & read.keys() if not isinstance(read[name], str)}
        return {**as_gradio_reads(read, positions), **taken}

    def written(data: Sequence[Any], root_url: str) -> list[Any]:
        """Gradio writes what Python prints, which no other language reads."""
        return [server.types.TextContent(type="text", text=json.dumps(value, ensure_ascii=False)) for value in data]

    def description(*args: Any) -> tuple[str, dict[str, str]]:
        """Without what Gradio says of files, which is not so here."""
        text, parameters = described(*args)
        return text.replace(about_files, ""), parameters

    def inputs(*args: Any) -> tuple[dict[str, Any], list[list[str | int]]]:
        """Without what Gradio says of files, nor the one choice of folder that there is before the gallery is read."""
        found, positions = schema(*args)
        for name, one in found["properties"].items():
            if [name] in positions:
                one.pop("format", None)
            if name == "folder":
                one.pop("enum", None)
        return found, positions

    server.convert_strings_to_filedata, server.postprocess_output_data = pictures, written
    server.get_fn_description, server.get_input_schema = description, inputs


def _picture(value: Any, service: Service) -> Any:
    """The file that a path of the gallery means; data as they are; nothing for an empty text, which some assistants send.

    Raises:
        MmembedError: it is an address, or a file that is none of the gallery's.
    """
    if value is None or value == "":
        return None
    if not isinstance(value, str) or value.startswith("data:"):
        return value
    if value.startswith(("http://", "https://")):
        raise MmembedError(NO_ADDRESSES)
    path = Path(value).expanduser()
    if not service.gallery().has_path(path):
        raise MmembedError(f"{value} is no picture of this gallery; search gives the paths of those that are.")
    return handle_file(str(path))

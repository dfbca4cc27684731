"""A session's tools over the Model Context Protocol, on standard input and output, with the protocol's own Python SDK.

While it is served, the process's standard output is the protocol's alone: the SDK points it at standard error for everybody else.
"""

import threading
from base64 import b64encode
from typing import Any

import anyio
import anyio.to_thread
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from mcp_types import (
    CallToolRequestParams,
    CallToolResult,
    ContentBlock,
    ImageContent,
    ListToolsResult,
    PaginatedRequestParams,
    TextContent,
)
from mcp_types import Tool as ProtocolTool

from autoreward.session.agent_session import AgentSession
from autoreward.session.agent_tools import AGENT_TOOLS
from autoreward.version import __version__


def protocol_server(session: AgentSession) -> Server[Any]:
    """A server of the protocol that answers with this session's tools."""

    async def listed_tools(context: ServerRequestContext[Any], asked: PaginatedRequestParams | None) -> ListToolsResult:
        offered = [ProtocolTool(name=t.name, description=t.about, input_schema=dict(t.parameters)) for t in AGENT_TOOLS]
        return ListToolsResult(tools=offered)

    async def called(context: ServerRequestContext[Any], asked: CallToolRequestParams) -> CallToolResult:
        answered = await anyio.to_thread.run_sync(
            session.call, asked.name, asked.arguments or {}, abandon_on_cancel=True
        )
        said: list[ContentBlock] = [TextContent(text=answered.text)]
        if answered.picture:
            said.append(ImageContent(data=b64encode(answered.picture).decode("ascii"), mime_type="image/png"))
        return CallToolResult(content=said, is_error=bool(answered.refused))

    return Server(
        "autoreward",
        version=__version__,
        instructions=session.instructions,
        on_list_tools=listed_tools,
        on_call_tool=called,
    )


def serve_session(session: AgentSession, ready: threading.Event) -> None:
    """Serve until the client closes standard input, and end the session's search then; sets `ready` once it is the client's."""

    async def served() -> None:
        server = protocol_server(session)
        async with stdio_server() as (read, write):
            ready.set()
            await server.run(read, write, server.create_initialization_options())

    try:
        anyio.run(served)
    finally:
        ready.set()
        session.desk.leave()

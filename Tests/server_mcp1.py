"""Uses `minke mcp` and `/mcp` by the first major of the Python package mcp; Tests/server starts it."""

import asyncio
import sys

from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamablehttp_client

from serving import collection, server, step

MINKE = sys.argv[1]


async def check(read, write):
    async with ClientSession(read, write) as session:
        greeting = await session.initialize()
        assert greeting.protocolVersion == "2025-11-25" and greeting.serverInfo.name == "minke", greeting
        tools = [tool.name for tool in (await session.list_tools()).tools]
        assert tools[:2] == ["search", "read"], tools
        found = await session.call_tool("search", {"query": "the white rabbit", "k": 2})
        assert "alice" in found.structuredContent["results"][0]["document"]
        wrong = await session.call_tool("search", {"query": "a", "collections": ["none"]})
        assert wrong.isError and "books" in wrong.content[0].text
        await session.send_ping()


async def main():
    with collection(MINKE) as path:
        async with stdio_client(StdioServerParameters(command=MINKE, args=["mcp", "--in", path])) as (read, write):
            await check(read, write)
        with server(MINKE, "--in", path) as address:
            async with streamablehttp_client(f"{address}/mcp") as (read, write, _):
                await check(read, write)
    step("mcp, its first major: HTTP and standard input")


asyncio.run(main())

#!/usr/bin/env python3
"""A client in Python, with asyncio: the words that matter in some files, all at a time.

    PYTHONPATH=python examples/python/ask.py ENDPOINT FILE...
"""

import asyncio
import sys

import troupe
from troupe.aio import AsyncClient


async def ask(client, path):
    """What the node finds in one file, a line of it."""
    with open(path, "rb") as file:
        text = file.read()
    async with client.stream("keywords", [text, b"5"], method="top", timeout=10) as words:
        found = [word.decode() async for word in words]
        return f"{path}: {', '.join(found)}; {(await words.result()).decode()} words"


async def main(endpoint, paths):
    async with AsyncClient(endpoint) as client:
        for line in await asyncio.gather(*(ask(client, path) for path in paths)):
            print(line)


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    try:
        asyncio.run(main(sys.argv[1], sys.argv[2:]))
    except (troupe.TroupeError, OSError) as error:
        sys.exit(f"ask.py: {error}")

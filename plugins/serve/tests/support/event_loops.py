"""Event loops in threads of their own: Playwright keeps one running in the main thread."""

import asyncio
from concurrent.futures import ThreadPoolExecutor


def run_alone(made):
    """What a coroutine returns."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, made).result()

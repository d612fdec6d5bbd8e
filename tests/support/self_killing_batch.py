"""A process that carries out a batch and kills itself with SIGKILL when half of its rows are written.

`python -m tests.support.self_killing_batch FOLDER URL`
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

from callsheet.store.sql import SqlStore
from tests.support.batches import SharedStore
from tests.support.plain_llm import PlainLLM


async def _main(folder: Path, url: str) -> None:
    batch = SharedStore(SqlStore(folder / "runs.sqlite"), PlainLLM(url)).batch(
        folder / "ideas.csv", concurrency=20
    )
    async for _ in batch.execute():
        if batch.progress.done >= batch.progress.total / 2:
            os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    asyncio.run(_main(Path(sys.argv[1]), sys.argv[2]))

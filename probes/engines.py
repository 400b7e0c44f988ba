"""Where batches are done: on threads of this machine, or elsewhere (`probes.cluster`)."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import TYPE_CHECKING

from joblib import cpu_count

from probes.arrays import Arrays
from probes.work import Fitter, fitting

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager

    from probes.settings import Settings
    from probes.work import Done, Work

Todo = tuple["Work", "list[int]"]
"""An embedding, and the numbers of its batches that are to be done."""


class Engine(ABC):
    """Does batches, in any order; which ones, and what becomes of the results, is not its matter.

    It changes no number: every fit runs on one thread, wherever that is.
    """

    def __init__(self) -> None:
        self.notes: list[str] = []
        """What the user has to know about where the work was done, a line each."""

    @property
    def shown(self) -> str:
        """What is said beside the progress."""
        return ""

    @abstractmethod
    def running(self, settings: Settings) -> AbstractContextManager[None]:
        """Make ready for these settings, and leave nothing running behind at the end.

        InputError if what they ask for is not there.
        """

    @abstractmethod
    def results(self, todo: Sequence[Todo]) -> Iterator[tuple[int, Done]]:
        """Yield the numbers of batches with what became of them, each once, as soon as known."""


class Threads(Engine):
    """Threads of this process, which share each embedding: one embedding after another."""

    def __init__(self, jobs: int | None = None) -> None:
        """`jobs` batches are done at a time; None: one per core."""
        super().__init__()
        self._jobs = jobs or cpu_count()

    @contextlib.contextmanager
    def running(self, settings: Settings) -> Iterator[None]:
        """Nothing to start; InputError for a device that this machine does not have."""
        Arrays(device=settings.device)
        yield

    def results(self, todo: Sequence[Todo]) -> Iterator[tuple[int, Done]]:
        """Yield batches as they are done."""
        for work, numbers in todo:
            with fitting(work.settings):
                yield from self._of_one(work, numbers)

    def _of_one(self, work: Work, numbers: Sequence[int]) -> Iterator[tuple[int, Done]]:
        fitter = Fitter(work)
        pool = ThreadPoolExecutor(self._jobs)
        try:
            waiting = {pool.submit(fitter.do, work.batches[at]): at for at in numbers}
            for future in as_completed(waiting):
                # Forgotten here: a result holds predictions.
                yield waiting.pop(future), future.result()
        finally:
            # After Ctrl-C only the batches that run are waited for, not those that wait.
            pool.shutdown(cancel_futures=True)

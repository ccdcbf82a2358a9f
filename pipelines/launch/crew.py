"""Worker processes that some command starts, here or on another machine, and that serve one step after another."""

from __future__ import annotations

import contextlib
import queue
import subprocess
import tempfile
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import IO, TypeAlias

from curation.errors import CurationError
from pipelines.launch.messages import Answer, Hello, Order, receive, send
from pipelines.launch.rank import Task

_TAIL_BYTES, _LAST_LINES = 4_096, 3
_PATIENCE_S = 10.0

LastWord: TypeAlias = Callable[[str], tuple[str, bool]]
"""From the number of a lost worker's job: what became of the job, and whether that was somebody's will."""


@dataclass(frozen=True, slots=True)
class _Job:
    order: Order
    tries: int = 0


@dataclass(frozen=True, slots=True)
class _Done:
    """A rank that ended, well or with an error."""

    order: Order
    error: CurationError | None


@dataclass(frozen=True, slots=True)
class _Lost:
    """A rank that nobody will try again."""

    order: Order
    why: str


@dataclass(frozen=True, slots=True)
class _NotStarted:
    """A worker that there will not be."""

    why: str


@dataclass(frozen=True, slots=True)
class _Broken:
    """A worker that says what nobody here understands."""

    error: Exception


class Crew:
    """Up to so many workers. Each begins with its first rank when it is there, whether the others are or not."""

    def __init__(self, command: Sequence[str], *, workers: int, retries: int, last_word: LastWord) -> None:
        """Set how workers are started; `start` starts them.

        Args:
            command: starts a worker, and is its standard input and output.
            workers: how many.
            retries: times that a rank is given to another worker after its own was lost.
            last_word: asked about the job of a lost worker.
        """
        self._command = list(command)
        self._retries = retries
        self._last_word = last_word
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._events: queue.SimpleQueue[_Done | _Lost | _NotStarted | _Broken] = queue.SimpleQueue()
        self._closing = threading.Event()
        self._processes: set[_Process] = set()
        self._threads = [threading.Thread(target=self._serve, daemon=True) for _ in range(workers)]
        self._left = workers

    def start(self) -> None:
        """Start the workers, without waiting for any."""
        for thread in self._threads:
            thread.start()

    def run(self, task: Task, ranks: Sequence[int]) -> None:
        """Run ranks of a step and return when all are done.

        Raises:
            CurationError: if a rank fails, if its worker is lost too often, or if no worker is left.
        """
        for rank in ranks:
            self._jobs.put(_Job(Order(task, rank)))
        missing = set(ranks)
        while missing:
            event = self._events.get()
            if isinstance(event, _Broken):
                raise event.error
            if isinstance(event, _NotStarted):
                self._count_out(event)
            elif isinstance(event, _Lost):
                raise task.error(event.order.rank, f"{event.why}; its log ends with")
            elif event.error is not None:
                raise event.error
            else:
                task.check_marker(event.order.rank)
                missing.discard(event.order.rank)

    def close(self) -> None:
        """End the workers, whatever they are doing, and wait for them."""
        self._closing.set()
        for process in list(self._processes):
            process.dismiss()
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            thread.join(_PATIENCE_S)

    def _count_out(self, event: _NotStarted) -> None:
        self._left -= 1
        if not self._left:
            hint = "correct the options after `--`, or see why the cluster refuses; then run the same command again"
            raise CurationError("No worker could be started", where=" ".join(self._command), why=event.why, hint=hint)

    def _serve(self) -> None:
        try:
            while not self._closing.is_set() and self._live():
                pass
        except Exception as error:
            # A thread that ended in silence would be waited for.
            self._events.put(_Broken(error))

    def _live(self) -> bool:
        """See one process from its start to its end; return whether there should be another in its place."""
        try:
            process = _Process(self._command)
        except OSError as error:
            self._events.put(_NotStarted(str(error)))
            return False
        self._processes.add(process)
        try:
            # Whoever closes the crew sets the flag first, and only then looks for processes.
            hello = None if self._closing.is_set() else process.hello()
            if hello is None:
                self._events.put(_NotStarted(process.last_lines()))
                return False
            return self._employ(process, hello)
        finally:
            self._processes.discard(process)
            process.close()

    def _employ(self, process: _Process, hello: Hello) -> bool:
        while (job := self._jobs.get()) is not None:
            if process.has_ended():
                # It died while it had nothing to do: no fault of this rank.
                self._jobs.put(job)
                return self._replace(hello)
            answer = process.ask(job.order)
            if answer is None:
                return self._mourn(process, hello, job)
            self._events.put(_Done(job.order, answer.error))
        return False

    def _replace(self, hello: Hello) -> bool:
        state, willed = self._last_word(hello.job)
        if willed:
            self._events.put(_NotStarted(f"job {hello.job} on {hello.host} is {state}"))
        return not willed

    def _mourn(self, process: _Process, hello: Hello, job: _Job) -> bool:
        if self._closing.is_set():
            return False
        state, willed = self._last_word(hello.job)
        if willed or job.tries >= self._retries:
            name = f"the worker of job {hello.job} on {hello.host}" if hello.job else f"the worker on {hello.host}"
            ending = " ".join(filter(None, [state, process.last_lines()]))
            self._events.put(_Lost(job.order, f"{name} was lost, try {job.tries + 1}: {ending}"))
            return False
        self._jobs.put(_Job(job.order, job.tries + 1))
        return True


class _Process:
    """One worker, seen from this side of the pipe."""

    def __init__(self, command: Sequence[str]) -> None:
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `close`
        # A session of its own: an interrupt from the keyboard is for the program alone, which then ends its workers.
        self._process = subprocess.Popen(  # noqa: S603 - the command is the user's
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors, start_new_session=True
        )

        self._is_there = False

    def hello(self) -> Hello | None:
        """Wait for the worker to be there; None if it ended before."""
        assert self._process.stdout is not None
        hello: Hello | None = receive(self._process.stdout)
        self._is_there = hello is not None
        return hello

    def ask(self, order: Order) -> Answer | None:
        """Give an order and wait for its answer; None if the worker ended instead."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            send(self._process.stdin, order)
            answer: Answer | None = receive(self._process.stdout)
        except (OSError, ValueError):
            return None
        return answer

    def has_ended(self) -> bool:
        """Return whether the process is gone."""
        return self._process.poll() is not None

    def last_lines(self) -> str:
        """Wait for the end of the process and return what it last had to say."""
        self._end()
        self._errors.seek(max(0, self._errors.seek(0, 2) - _TAIL_BYTES))
        lines = [line.strip() for line in self._errors.read().decode(errors="replace").splitlines() if line.strip()]
        return " | ".join(lines[-_LAST_LINES:]) or f"it ended with code {self._process.returncode}"

    def dismiss(self) -> None:
        """Close the worker's standard input, at which it ends; one that is not there yet is called off."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        if not self._is_there:
            self._process.terminate()

    def close(self) -> None:
        """End the process, gently first."""
        self.dismiss()
        self._end()
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._errors.close()

    def _end(self) -> None:
        for last_resort in (self._process.terminate, self._process.kill):
            try:
                self._process.wait(_PATIENCE_S / 2)
            except subprocess.TimeoutExpired:
                last_resort()
        self._process.wait()

"""A worker process at the other end of a pipe: it takes ranks from its standard input and answers on its output.

The pipe is the whole connection. Where a cluster starts the process (`srun`), the cluster also carries the pipe, so
that nothing has to listen on a port, and nothing has to be found in a folder that another machine has just written.
"""

from __future__ import annotations

import os
import queue
import socket
import sys
import threading

from curation.errors import CurationError
from pipelines.launch.messages import Answer, Hello, Order, receive, send


def main() -> None:
    """Serve until the standard input ends, and then end at once, in the middle of a rank or not."""
    # What libraries print must not get between the answers.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    orders: queue.SimpleQueue[Order] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=[orders], daemon=True).start()
    send(answers, Hello(socket.gethostname(), os.environ.get("SLURM_JOB_ID", "")))
    while True:
        send(answers, _carry_out(orders.get()))


def _listen(orders: queue.SimpleQueue[Order]) -> None:
    try:
        while (order := receive(sys.stdin.buffer)) is not None:
            orders.put(order)
    except Exception as error:
        os.write(2, f"an order cannot be read: {type(error).__name__}: {error}\n".encode())
    # Whoever started this process is gone, and would start again what it is at work on; or it speaks another language.
    os._exit(0)


def _carry_out(order: Order) -> Answer:
    try:
        order.task.run(order.rank)
    except CurationError as error:
        return Answer(error)
    return Answer(None)


if __name__ == "__main__":
    main()

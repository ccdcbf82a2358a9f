"""One call of the Hub, until it is known how it ended.

A call whose answer was lost may have been done. Nothing is sent again before the Hub was asked whether it was, so that
no commit, tag or branch is ever made twice.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, TypeVar

from curation.errors import CurationError
from hub_upload.errors import HubAccessError, HubConflictError, HubError, HubMissingError, HubUnavailableError
from hub_upload.secrets import redacted

if TYPE_CHECKING:
    from tenacity import RetryCallState

T = TypeVar("T")

_LOGIN = "check the name, and that the token may read and write it (a fine-grained token names its repositories)"
_AGAIN = "run the same command again: it goes on from what the Hub has"
_ONLINE = "run it again without HF_HUB_OFFLINE"
_XET = "set HF_HUB_DISABLE_XET=1 and run the same command again: files then go by LFS"
_CLASHES = (HTTPStatus.CONFLICT, HTTPStatus.PRECONDITION_FAILED)
_DENIED = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
# As the uploader words an answer: `(503 Service Unavailable)`. Its texts hold sizes, times and addresses as well.
_WORDED = re.compile(r"\(([45][0-9]{2})[ )]")
_EXPIRED, _OFFLINE = "XetAuthenticationError", "OfflineModeIsEnabled"
_BUSY = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS)


@dataclass(frozen=True, slots=True)
class Patience:
    """How often a call is tried, and how long is waited in between.

    Attributes:
        tries: calls at most.
        base: seconds before the second; each later wait is up to twice the one before, by chance between half and all.
        cap: seconds of a wait at most, also where the Hub asks for more: then the call is given up.
        sleep: waits so many seconds.
    """

    tries: int = 6
    base: float = 1.0
    cap: float = 120.0
    sleep: Callable[[float], None] = time.sleep


def attempt(
    what: str,
    call: Callable[[], T],
    *,
    where: str,
    patience: Patience,
    done: Callable[[], T | None] | None = None,
) -> T:
    """Return what a call returns.

    Args:
        what: says in an error what was not possible.
        call: the call of the client.
        where: the repository and revision.
        patience: how often to try.
        done: asks the Hub whether a call that failed was done nevertheless; returns what it would have, or None.

    Raises:
        HubUnavailableError: if the last try met a server or network that does not answer.
        HubAccessError, HubConflictError, HubMissingError, HubError: at once, as the Hub answers.
        OSError: at once, if it is this machine that cannot read or write.
    """
    from tenacity import Retrying, retry_if_exception_type, stop_after_attempt

    in_doubt = False

    def once() -> T:
        nonlocal in_doubt
        if in_doubt and done is not None and (before := _asked(done, where)) is not None:
            return before
        in_doubt = False
        try:
            return call()
        except CurationError:
            raise
        except Exception as error:  # the client, its transport and the uploader share no class
            if _is_of_this_machine(error):
                raise
            known = understood(what, where, error)
            # Until there is an answer to that: it may be lost, too.
            in_doubt = True
            found = None if done is None or isinstance(known, HubAccessError) else _asked(done, where)
            in_doubt = False
            if found is None:
                raise known from error
            return found

    retrying = Retrying(
        retry=retry_if_exception_type(HubUnavailableError),
        stop=stop_after_attempt(patience.tries),
        wait=lambda state: _wait(state, patience),
        sleep=patience.sleep,
        reraise=True,
    )
    return retrying(once)


def _asked(done: Callable[[], T | None], where: str) -> T | None:
    try:
        return done()
    except CurationError:
        raise
    except Exception as error:
        # Whatever the call itself met, it is not known how it ended: that is asked again with the next try.
        raise understood("It cannot be found out whether the Hub did what it was asked", where, error) from error


def understood(what: str, where: str, error: Exception) -> HubError:
    """Return the error of ours for one of the client, its transport or its uploader."""
    status, why = status_of(error), why_of(error)
    if status in _DENIED:
        return HubAccessError(what, where, why, _LOGIN)
    if status in _CLASHES:
        return HubConflictError(what, where, why, _AGAIN)
    if any(type(each).__name__ == _OFFLINE for each in _causes(error)):
        return HubError(what, where, why, _ONLINE)
    if status == HTTPStatus.NOT_FOUND:
        return HubError(what, where, why, _XET) if _is_uploader(error) else HubMissingError(what, where, why, _LOGIN)
    if status in _BUSY or status >= HTTPStatus.INTERNAL_SERVER_ERROR or (not status and _is_transport(error)):
        found = HubUnavailableError(what, where, why, _AGAIN)
        found.after = _asked_to_wait(error)
        return found
    return HubError(what, where, why, "correct what the Hub names and run the same command again")


def status_of(error: BaseException) -> int:
    """Return the HTTP status behind an error, or behind what caused it; 0 if there is none."""
    return next((status for each in _causes(error) if (status := _own_status(each))), 0)


def _own_status(error: BaseException) -> int:
    if not _is_uploader(error):
        return int(getattr(getattr(error, "response", None), "status_code", 0))
    # The uploader tells the status in words only, if at all.
    worded = _WORDED.search(str(error))
    return int(worded[1]) if worded else HTTPStatus.UNAUTHORIZED * (type(error).__name__ == _EXPIRED)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and what caused it: the client has errors of its own for those of its transport."""
    while error is not None:
        yield error
        error = error.__cause__


def why_of(error: Exception) -> str:
    """Return kind, status and the server's own words: the rest of an error's text quotes headers and addresses."""
    status = status_of(error)
    said = getattr(error, "server_message", None) or (str(error) if not getattr(error, "response", None) else "")
    name = type(error.__cause__ or error).__name__ + (f" (HTTP {status})" if status else "")
    return f"{name}: {redacted(str(said))}" if said else name


def _is_uploader(error: BaseException) -> bool:
    """Tell whether the error is the Rust uploader's: Python's own ConnectionError, or a class of its own."""
    kind = type(error)
    return kind is ConnectionError or kind.__name__.startswith("Xet")


def _is_transport(error: BaseException) -> bool:
    from httpx2 import TransportError

    kinds = (TransportError, ConnectionError, TimeoutError)
    return any(isinstance(each, kinds) or _is_uploader(each) for each in _causes(error))


def _is_of_this_machine(error: Exception) -> bool:
    """Tell whether the operating system refuses to read or write; errors of the Hub are OSErrors without a number."""
    is_network = isinstance(error, ConnectionError | TimeoutError)
    return isinstance(error, OSError) and bool(error.errno) and not is_network


def _asked_to_wait(error: BaseException) -> float:
    response = getattr(error, "response", None)
    if response is None:
        return 0.0
    from huggingface_hub.utils import parse_ratelimit_headers

    limit = parse_ratelimit_headers(response.headers)
    later = response.headers.get("Retry-After", "")
    if limit is not None and limit.remaining == 0:
        return float(limit.reset_in_seconds)
    return float(later) if later.isdecimal() else 0.0


def _wait(state: RetryCallState, patience: Patience) -> float:
    error = state.outcome.exception() if state.outcome else None
    asked = error.after if isinstance(error, HubUnavailableError) else 0.0
    if asked > patience.cap and error is not None:
        raise error
    backoff = min(patience.base * 2.0 ** (state.attempt_number - 1), patience.cap)
    # By chance, so that many who were turned away together do not come back together.
    return max(asked, backoff * random.uniform(0.5, 1.0))  # noqa: S311 - no secret hangs on it

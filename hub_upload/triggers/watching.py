"""A webhook that starts a copy of a job for each push to a dataset; the copy itself sees whether that was a release."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hub_upload.calls import Patience, attempt
from hub_upload.errors import HubConflictError
from hub_upload.triggers.hf_jobs import MODULE, secret_values
from hub_upload.triggers.protocol import Handle, Request

if TYPE_CHECKING:
    from huggingface_hub import HfApi, WebhookInfo


def webhook_payload(request: Request, secrets: tuple[str, ...], job: str = "ID_OF_THE_JOB") -> dict[str, Any]:
    """Return the address and the body that create the webhook; secrets by name, as a list."""
    body: dict[str, Any] = {"watched": _watched(request), "domains": ["repo"], "jobSourceId": job}
    if secrets:
        # A copy of a job gets none of its secrets: the webhook keeps them.
        body["secrets"] = sorted(secrets)
    return {"post": "api/settings/webhooks", "body": body}


def watch(
    client: HfApi, request: Request, handle: Handle, secrets: tuple[str, ...], *, patience: Patience | None = None
) -> str:
    """Let every later release of a dataset be checked as this one is, and return the webhook's id.

    Raises:
        HubConflictError: if a webhook of ours with another spec watches the dataset already: two would check twice.
    """
    patience = patience or Patience(tries=4)

    where = str(request.release.repository)

    def present() -> str | None:
        return _existing(client.list_webhooks(), request)

    def create() -> str:
        made: WebhookInfo = client.create_webhook(
            job_id=handle.id, watched=_watched(request), domains=["repo"], secrets=secret_values(secrets) or None
        )
        return str(made.id)

    what = "The webhooks cannot be listed"
    found = attempt(what, lambda: present() or "", where=where, patience=patience)
    return found or attempt("The webhook cannot be made", create, where=where, patience=patience, done=present)


def _existing(webhooks: list[WebhookInfo], request: Request) -> str | None:
    watched = _watched(request)[0]
    for webhook in webhooks:
        command = (webhook.job.command if webhook.job else None) or []
        places = [{"type": item.type, "name": item.name} for item in webhook.watched]
        if MODULE not in command or watched not in places or webhook.disabled:
            continue
        if request.spec.digest not in command:
            why = f"the webhook {webhook.id} starts a job with other settings for each release"
            hint = f"hf webhooks delete {webhook.id}, then run the same command again"
            raise HubConflictError("The dataset is watched already", watched["name"], why, hint)
        return str(webhook.id)
    return None


def _watched(request: Request) -> list[dict[str, str]]:
    assert request.release.repository is not None, "a job needs a release on the Hub"
    return [{"type": "dataset", "name": request.release.repository}]

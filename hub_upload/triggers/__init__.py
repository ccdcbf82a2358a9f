"""Starting the gate of a release somewhere, waiting for it, and fetching its verdict."""

from hub_upload.triggers.protocol import Backend, Handle, Request, Spec, Status, Target, TriggerError
from hub_upload.triggers.waiting import Outcome, run_trigger

__all__ = ["Backend", "Handle", "Outcome", "Request", "Spec", "Status", "Target", "TriggerError", "run_trigger"]

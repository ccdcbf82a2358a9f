"""Google's side of a run on Dataflow: whether its services know who asks, and what their errors mean."""

from __future__ import annotations

from apache_beam.options.pipeline_options import GoogleCloudOptions, PipelineOptions

from curation.errors import AuthError, ConfigError, CurationError

_LOGIN = "gcloud auth application-default login, or name a key file in GOOGLE_APPLICATION_CREDENTIALS"
_WHY_CHARS = 600


def check_credentials(options: PipelineOptions) -> None:
    """Ask for a token before anything is built: Beam itself would go on without one, and be refused much later.

    Raises:
        ConfigError: if the Google libraries are not installed.
        AuthError: if there are no credentials, or no token is given for them.
    """
    cloud = options.view_as(GoogleCloudOptions)
    if cloud.no_auth:
        return
    try:
        import google.auth
        from google.auth.exceptions import GoogleAuthError
        from google.auth.transport.requests import Request
    except ImportError as error:
        hint = "pip install 'ml-embed-curation[gcp]'"
        raise ConfigError("The Google libraries are not installed", why=str(error), hint=hint) from error
    try:
        credentials, _ = google.auth.default(scopes=cloud.gcp_oauth_scopes)
        credentials.refresh(Request())
    except GoogleAuthError as error:
        raise AuthError("Google gives no token", why=_cut(str(error)), hint=_LOGIN) from error


def explain(error: Exception) -> CurationError | None:
    """Return what an error of Google's services means for the user; None if it is not one of these."""
    try:
        from google.api_core.exceptions import Forbidden, GoogleAPICallError, Unauthorized
        from google.auth.exceptions import GoogleAuthError
    except ImportError:
        return None
    # Beam's own upload turns refusals into errors of the operating system.
    cause = next((each for each in (error, error.__context__) if isinstance(each, GoogleAPICallError)), error)
    if isinstance(cause, GoogleAuthError):
        return AuthError("Google gives no token", why=_cut(str(cause)), hint=_LOGIN)
    if isinstance(cause, Unauthorized | Forbidden):
        hint = "the account needs the roles roles/dataflow.developer and roles/storage.objectAdmin on the bucket"
        return AuthError("A Google service refuses this account", why=_cut(str(cause)), hint=hint)
    if isinstance(cause, GoogleAPICallError):
        return CurationError("A Google service refuses the request", why=_cut(str(cause)), hint="check the options")
    return None


def _cut(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _WHY_CHARS else f"{line[:_WHY_CHARS]}..."

"""Google's side of a run on Dataflow: whether its services know who asks, and what their errors mean."""

from __future__ import annotations

from typing import Any

from apache_beam.options.pipeline_options import GoogleCloudOptions, PipelineOptions

from curation.errors import AuthError, ConfigError, CurationError

_LOGIN = "gcloud auth application-default login, or name a key file in GOOGLE_APPLICATION_CREDENTIALS"
_WHY_CHARS = 600


def check_google(options: PipelineOptions) -> None:
    """Ask for a token, and for the buckets of Dataflow's own files, before anything is built.

    Beam itself would go on without a token, and try to upload to a closed bucket for eight minutes.

    Raises:
        ConfigError: if the Google libraries are not installed, or a bucket is not there.
        AuthError: if there are no credentials, no token is given for them, or a bucket is closed to them.
    """
    cloud = options.view_as(GoogleCloudOptions)
    if cloud.no_auth:
        return
    try:
        import google.auth
        import google.cloud.storage
    except ImportError as error:
        hint = "pip install 'ml-embed-curation[gcp]'"
        raise ConfigError("The Google libraries are not installed", why=str(error), hint=hint) from error
    try:
        credentials = _credentials(cloud)
        client = google.cloud.storage.Client(project=cloud.project, credentials=credentials)
        for bucket in {place.split("/")[2] for place in (cloud.temp_location, cloud.staging_location) if place}:
            _check_bucket(client, bucket)
    except Exception as error:
        raise explain(error) or error from error


def _credentials(cloud: GoogleCloudOptions) -> Any:
    """Return the credentials that Beam will use, after they have proved good for a token."""
    import google.auth
    from google.auth import impersonated_credentials
    from google.auth.transport.requests import Request

    credentials, _ = google.auth.default(scopes=cloud.gcp_oauth_scopes)
    if cloud.impersonate_service_account:
        *delegates, principal = cloud.impersonate_service_account.split(",")
        credentials = impersonated_credentials.Credentials(
            credentials, target_principal=principal, delegates=delegates, target_scopes=cloud.gcp_oauth_scopes
        )
    credentials.refresh(Request())
    return credentials


def _check_bucket(client: Any, bucket: str) -> None:
    from google.api_core.exceptions import NotFound

    try:
        client.get_bucket(bucket)
    except NotFound as error:
        hint = f"gcloud storage buckets create gs://{bucket}, or name another one"
        raise ConfigError(f"The bucket {bucket} is not there", where="--temp_location", hint=hint) from error


def explain(error: Exception) -> CurationError | None:
    """Return what an error of Google's services means for the user; None if it is not one of these."""
    try:
        from google.api_core.exceptions import Forbidden, GoogleAPICallError, Unauthorized
        from google.auth.exceptions import GoogleAuthError
    except ImportError:
        return None
    if isinstance(error, GoogleAuthError):
        return AuthError("Google gives no token", why=_cut(str(error)), hint=_LOGIN)
    if isinstance(error, Unauthorized | Forbidden):
        hint = "the account needs the roles dataflow.developer, and on the buckets storage.admin; see docs/running.md"
        return AuthError("A Google service refuses this account", why=_cut(str(error)), hint=hint)
    if isinstance(error, GoogleAPICallError):
        return CurationError("A Google service refuses the request", why=_cut(str(error)), hint="check the options")
    return None


def _cut(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _WHY_CHARS else f"{line[:_WHY_CHARS]}..."

"""Where the buckets are from which programs have pictures fetched, as the operator's settings say."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from lineament.errors import InvalidValue, KeyExposed, NoSuchFile, NotRead

if TYPE_CHECKING:
    from lineament.settings import Settings
    from lineament.sources.buckets import BucketService

log = logging.getLogger(__name__)


def bucket_service(settings: Settings) -> BucketService:
    """Return the service and its access key. Raises NotRead if no key is named, or the settings are wrong.

    What is wrong with them is for the operator, in the log, and not for a program. The key of the workspace's own
    bucket is never used: whoever manages a source would read that bucket with it.
    """
    from lineament.sources.buckets import BucketService
    from lineament.store.bucket import checked_endpoint
    from lineament.workspace.pictures import key_in

    if settings.buckets_secret is None:
        raise NotRead(why="the operator names no access key for buckets; set LINEAMENT_BUCKETS_SECRET")
    region = settings.buckets_region
    try:
        endpoint = checked_endpoint("LINEAMENT_BUCKETS_ENDPOINT", settings.buckets_endpoint, region)
        access_key, secret = key_in("LINEAMENT_BUCKETS_SECRET", settings.buckets_secret)
    except (InvalidValue, NoSuchFile, KeyExposed) as error:
        log.error("no picture can be fetched from a bucket: %s", error)  # noqa: TRY400 - foreseen, so without a traceback
        raise NotRead(why="the settings for buckets are wrong; the log of the server says how") from error
    return BucketService(endpoint=endpoint, region=region, access_key=access_key, secret=secret)

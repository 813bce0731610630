"""Files of the store on an object store, through fsspec."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa

from pipeline.store.errors import StoreError
from tasks.errors import InputError

_PACKAGES = {"s3": "s3fs", "gs": "gcsfs", "gcs": "gcsfs"}
_EXTRAS = {"s3": "s3", "gs": "gcs", "gcs": "gcs"}
_AT_ONCE = 16  # requests in flight; each answer is one part file, held in memory
_ADVICE = "Check the URL, the credentials, the endpoint (AWS_ENDPOINT_URL) and the network, and run again"


class ObjectFiles:
    """Implements ``Files`` with whole-object requests: one PUT is atomic, so is one GET."""

    def __init__(self, scheme: str, path: str) -> None:
        self._path = path.strip("/")
        self._url = f"{scheme}://{self._path}"
        if not self._path:
            raise InputError(f"out: {self._url!r} names no bucket; give {scheme}://bucket/prefix")
        self._errors = _error_types(scheme, self._url)
        import fsspec

        # Instances and listings are cached by default: a store opened twice in one process
        # would then miss files that other machines wrote in between.
        self._fs = fsspec.filesystem(scheme, skip_instance_cache=True, use_listings_cache=False)

    @property
    def root(self) -> str:
        """The URL of the root."""
        return self._url

    def list(self, folder: str) -> list[str]:
        """Return the names of all objects below ``folder``, sorted."""
        try:
            found = self._fs.find(f"{self._path}/{folder}")
        except self._errors as error:  # includes a bucket that does not exist
            raise self._store_error("list", folder, error) from error
        return sorted(path.strip("/").removeprefix(f"{self._path}/") for path in found)

    def open_many(self, names: Sequence[str]) -> Iterator[tuple[str, pa.NativeFile | OSError]]:
        """Yield each object's content, fetched concurrently a few at a time, in order."""

        def fetch(name: str) -> bytes | FileNotFoundError:
            try:
                return bytes(self._fs.cat_file(f"{self._path}/{name}"))
            except FileNotFoundError as error:
                return error
            except self._errors as error:
                raise self._store_error("read", name, error) from error

        with ThreadPoolExecutor(_AT_ONCE) as pool:
            for start in range(0, len(names), _AT_ONCE):
                chunk = names[start : start + _AT_ONCE]
                for name, got in zip(chunk, pool.map(fetch, chunk), strict=True):
                    yield name, got if isinstance(got, OSError) else pa.BufferReader(got)

    def write(self, name: str, data: bytes) -> None:
        """Write a whole object."""
        try:
            self._fs.pipe_file(f"{self._path}/{name}", data)
        except self._errors as error:
            raise self._store_error("write", name, error) from error

    def delete(self, name: str) -> None:
        """Delete an object; one that is gone already is fine."""
        try:
            self._fs.rm_file(f"{self._path}/{name}")
        except FileNotFoundError:
            return
        except self._errors as error:
            raise self._store_error("delete", name, error) from error

    def remove_stale(self) -> int:
        """Return 0: an upload that did not finish leaves no object behind."""
        return 0

    def _store_error(self, action: str, name: str, error: Exception) -> StoreError:
        reason = str(error).strip().rstrip(".") or type(error).__name__
        return StoreError(action, f"{self._url}/{name}", reason, _ADVICE)


def _error_types(scheme: str, url: str) -> tuple[type[Exception], ...]:
    """Return what the client of this scheme raises when a request fails.

    The clients turn most answers of the server into ``OSError``; missing credentials and
    unreachable endpoints keep the classes of the libraries below.

    Raises:
        InputError: The client is not installed.
    """
    if scheme == "memory":
        return (OSError,)
    try:
        importlib.import_module(_PACKAGES[scheme])
        if scheme == "s3":
            from botocore.exceptions import BotoCoreError

            return (OSError, BotoCoreError)
        import aiohttp
        from gcsfs.retry import HttpError
        from google.auth.exceptions import GoogleAuthError
    except ImportError as error:
        raise InputError(
            f"out: {url!r} needs the package {_PACKAGES[scheme]} ({error}); "
            f"install it with: pip install naspred[{_EXTRAS[scheme]}]"
        ) from error
    return (OSError, HttpError, GoogleAuthError, aiohttp.ClientError)

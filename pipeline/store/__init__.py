"""Results on disk or on an object store: append, resume, read exactly once, compact."""

from pipeline.store.compact import CompactReport
from pipeline.store.errors import StoreError, StoreWarning
from pipeline.store.store import ResultStore

__all__ = ["CompactReport", "ResultStore", "StoreError", "StoreWarning"]

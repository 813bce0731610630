"""Measured architectures: the Parquet schema, the catalog of tables, importers."""

"""Importers of the files that the authors of other benchmarks published."""

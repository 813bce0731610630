"""What a benchmark build trains: which architectures, with which seeds, by which engine."""

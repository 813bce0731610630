"""Making a tabular benchmark: training the networks of a space at scale."""

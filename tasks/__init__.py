"""What is to be predicted: search spaces, measured tables, sampling and metrics."""

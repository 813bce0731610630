"""Running a plan: the scheduler, the serial backend and the Ray backend."""

"""What each command of the command line does; returns the exit code."""

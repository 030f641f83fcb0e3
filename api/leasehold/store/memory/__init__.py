"""The store in memory: the same contract as SQL, for unit tests and nothing else."""

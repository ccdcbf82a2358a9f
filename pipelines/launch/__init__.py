"""How the tasks of a datatrove step are brought to processors: on this machine, by Ray, or by Slurm."""

"""The experiments: a question of the lessons, a prediction, the runs, the comparison, and why."""

"""What is claimed, measured: one file a question, results as JSON beside it and as tables in docs/."""

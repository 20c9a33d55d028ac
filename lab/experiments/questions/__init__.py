"""The lessons' questions, one a file: each module has an EXPERIMENT, and is found by being here."""

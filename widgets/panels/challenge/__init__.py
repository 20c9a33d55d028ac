"""The challenges: a board of kept runs that count, with par lines, and the code of each entry."""

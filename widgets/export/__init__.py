"""Save a panel's charts: slide pictures, web pages, data and decks."""

"""Out of the browser: a panel's charts as slide pictures, web pages, data and decks."""

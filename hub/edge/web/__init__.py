"""What stands between browsers or programs and the console and API: who it is, and what is refused before any page is reached."""

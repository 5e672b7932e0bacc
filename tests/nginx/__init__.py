"""The app behind the real nginx."""

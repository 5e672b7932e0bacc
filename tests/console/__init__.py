"""The console and the chat page in a real Chromium."""

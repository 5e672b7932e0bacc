"""The decoder, the event and the encoder as Python sees them."""

"""The client's side: ``decoding`` the bytes of a stream, ``reading`` many streams at once."""

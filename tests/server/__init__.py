"""Tests of the server, as its clients see it: real servers in processes of their own, raw sockets."""

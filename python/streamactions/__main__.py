"""``python -m streamactions``: the command, for where its script is not on the path."""

from streamactions.cli import main

# The server's processes import this file again, under another name.
if __name__ == "__main__":
    main(prog_name="python -m streamactions")

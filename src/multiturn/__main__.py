"""``python -m multiturn``: the same as the ``multiturn`` command."""

from .cli import main

if __name__ == "__main__":
    main()

"""`python -m arqonbus` is `arqonbus`."""

from arqonbus.cli.main import main

if __name__ == "__main__":
    main(prog_name="arqonbus")

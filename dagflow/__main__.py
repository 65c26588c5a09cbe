"""`python -m dagflow`."""

from dagflow.cli.main import run_and_exit

if __name__ == "__main__":
    run_and_exit()

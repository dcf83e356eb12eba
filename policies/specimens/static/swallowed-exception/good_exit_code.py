import sys


def main(run):
    try:
        run()
    except Exception as error:
        print(f"failed: {error}", file=sys.stderr)
        sys.exit(1)

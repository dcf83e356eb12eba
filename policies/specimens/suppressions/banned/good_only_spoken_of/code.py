"""Neither # nosec nor # fmt: off is a request here."""
# what nosec and fmt mean

def scorer(kind):
    class Scorer:
        def score(self, frame):
            raise NotImplementedError("later") from None

    return Scorer()

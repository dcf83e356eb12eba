class BaseScorer:
    def score(self, frame):
        raise NotImplementedError


class Plan:
    def run(self):
        raise NotImplementedError("each plan says how")


class FastPlan(Plan):
    def run(self):
        return 1

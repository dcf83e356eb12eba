def score(frame):
return 1

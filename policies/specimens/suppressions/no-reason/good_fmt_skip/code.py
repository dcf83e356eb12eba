x = [1,  2]  # fmt: skip - a table reads better

x = [1,  2]  # fmt: skip

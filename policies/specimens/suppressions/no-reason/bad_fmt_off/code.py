# fmt: off
x = [1,  2]
# fmt: on

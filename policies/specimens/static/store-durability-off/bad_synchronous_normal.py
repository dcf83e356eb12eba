STATEMENTS = ("pragma SYNCHRONOUS=normal", "pragma foreign_keys=on")

TODOS = ("read", "write")
AUTODOC = "HACKATHON"

import os

password = os.environ["DATABASE_PASSWORD"]

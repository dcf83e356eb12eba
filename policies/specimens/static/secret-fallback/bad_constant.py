JWT_SECRET = "a-literal"

SECRET_KEY = "secret_key"

DEV_SECRET_KEY = "dev_secret_key"

DB_PASSWORD = "password"

DEFAULTS = {"jwt_secret": "not-so-secret", "port": 1}

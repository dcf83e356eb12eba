KEY = 'AKIAQYLPMN5HHHFPZAM2'  # pragma: allowlist secret

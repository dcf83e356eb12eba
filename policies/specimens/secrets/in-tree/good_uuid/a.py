ID = "0f3e9c4e-6e1c-4c7a-9f1e-0a6a4f7f0f11"

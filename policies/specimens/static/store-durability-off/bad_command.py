await client.execute_command("CONFIG", "SET", "appendonly", "no")

await connection.execute("SET synchronous_commit TO off")

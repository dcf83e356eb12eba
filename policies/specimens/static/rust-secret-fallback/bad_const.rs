const JWT_SECRET: &str = "a-literal";

const SECRET_VARIABLE: &str = "JWT_SECRET";

pub fn secret() -> Result<String, ConfigError> {
    let secret = std::env::var(SECRET_VARIABLE).map_err(|_| ConfigError::Missing)?;
    let region = std::env::var("REGION").unwrap_or_else(|_| "eu".to_string());
    strong(secret, region)
}

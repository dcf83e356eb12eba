// As in the assessment's evidence for Critical 2.
pub fn secret() -> String {
    std::env::var("JWT_SECRET").unwrap_or_else(|_| "arqon-dev-secret".to_string())
}

// As in the assessment's evidence for Critical 2.
impl JwtConfig {
    pub fn from_env() -> Self {
        let skip_validation = std::env::var("JWT_SKIP_VALIDATION").is_ok();
        Self { skip: skip_validation }
    }
}

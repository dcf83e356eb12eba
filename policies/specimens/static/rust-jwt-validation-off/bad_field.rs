pub struct JwtConfig {
    pub secret: String,
    pub skip_validation: bool,
}

pub fn secret() -> String {
    env::var("SHIELD_JWT_SECRET")
        .unwrap_or("a-literal".into())
}

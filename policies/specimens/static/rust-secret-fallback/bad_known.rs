pub fn check(secret: Option<String>) -> String {
    secret.unwrap_or("arqon-dev-secret".into())
}

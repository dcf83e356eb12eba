pub fn claims(token: &str) -> Result<Claims, Error> {
    Ok(jsonwebtoken::dangerous_insecure_decode::<Claims>(token)?.claims)
}

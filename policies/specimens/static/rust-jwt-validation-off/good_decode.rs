pub fn claims(token: &str, key: &DecodingKey) -> Result<Claims, Error> {
    let validation = Validation::new(Algorithm::HS256);
    Ok(decode::<Claims>(token, key, &validation)?.claims)
}

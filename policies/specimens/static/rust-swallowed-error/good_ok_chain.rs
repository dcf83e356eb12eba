pub fn number(text: &str) -> usize {
    let number: Option<usize> = text
        .trim()
        .parse()
        .ok();
    number.unwrap_or(0)
}

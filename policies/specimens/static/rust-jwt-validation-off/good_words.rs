// Validation is never skipped: see validate().
fn audience(settings: &Settings) -> Validation {
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.validate_exp = true;
    validation.set_audience(&[&settings.audience]);
    validation
}

const SECRET_HEADER: &str = "Authorization";

fn password(settings: &Settings) -> Result<Secret, Error> {
    settings.password.clone().ok_or(Error::NoPassword)
}

pub async fn serve(config: &Config) -> Result<(), Error> {
    let listener = TcpListener::bind((config.host.as_str(), config.port)).await?;
    run(listener).await
}

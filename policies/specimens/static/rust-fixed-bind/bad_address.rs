pub async fn serve() -> Result<(), Error> {
    let listener = TcpListener::bind("0.0.0.0:8080").await?;
    run(listener).await
}

async fn main() -> std::io::Result<()> {
    let listener = TcpListener::bind("[::]:9100").await?;
    serve(listener).await
}

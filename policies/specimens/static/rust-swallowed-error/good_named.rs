fn close(socket: Socket, metrics: &Metrics) {
    if let Err(error) = socket.shutdown() {
        tracing::warn!(%error, "the socket did not close");
        metrics.failed.inc();
    }
}

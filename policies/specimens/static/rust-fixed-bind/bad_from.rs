fn address(port: u16) -> SocketAddr {
    SocketAddr::from(([0, 0, 0, 0], port))
}

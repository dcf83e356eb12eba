pub fn deliver(peer: &Peer, frame: Frame) {
    match peer.send(frame) {
        Ok(()) => count(),
        Err(_) => {}
    }
}

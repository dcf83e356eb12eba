pub fn deliver(peer: &Peer, frame: Frame) {
    if let Err(_) = peer.write_all(frame) {}
}

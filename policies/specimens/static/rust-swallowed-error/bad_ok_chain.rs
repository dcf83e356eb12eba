pub fn deliver(peer: &Peer, frame: Frame) {
    peer.outbox()
        .send(frame)
        .ok();
}

pub fn deliver(peer: &Peer, frame: Frame) {
    peer.send(frame).ok();
}

pub async fn deliver(peer: &Peer, frame: Frame) {
    let _ = peer.send(frame).await;
}

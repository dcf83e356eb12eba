pub fn deliver(peer: &Peer, frame: Frame) -> Result<usize, Error> {
    peer.send(frame)?;
    let number = "7".parse::<usize>().ok();
    match peer.flush() {
        Ok(()) => Ok(number.unwrap_or(0)),
        Err(error) => Err(Error::Peer(error)),
    }
}

//! What another process says: lines of JSON over a socket.

use std::{io::Write, net::Shutdown, os::unix::net::UnixStream};

use pipe_schema::protocol::{Control, Done, Event, Failed, Fork, Hello, Request, Zygote};
use pipe_wire::Channel;
use serde::de::DeserializeOwned;

/// More does not fit into a socket that nobody reads yet.
const MOST: usize = 64 << 10;

/// As messages of each kind.
pub fn messages(bytes: &[u8]) {
    let bytes = &bytes[..bytes.len().min(MOST)];
    receive::<Event>(bytes);
    receive::<Control>(bytes);
    receive::<Request>(bytes);
    receive::<Hello>(bytes);
    receive::<Zygote>(bytes);
    receive::<Fork>(bytes);
    receive::<Done>(bytes);
    receive::<Failed>(bytes);
}

fn receive<T: DeserializeOwned>(bytes: &[u8]) {
    let (ours, mut theirs) = UnixStream::pair().expect("a socket can be made");
    theirs.write_all(bytes).expect("the socket takes it");
    theirs
        .shutdown(Shutdown::Write)
        .expect("the socket can be shut");
    let mut channel = Channel::new(ours).expect("the socket can be shared");
    // A line that is wrong is not the end of the conversation.
    for _ in 0..=bytes.len() {
        match channel.receiver.receive::<T>() {
            Ok(None) => return,
            Err(error) if error.kind() == std::io::ErrorKind::InvalidData => return,
            Ok(Some(_)) | Err(_) => {}
        }
    }
}

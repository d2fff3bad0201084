//! Lines of JSON over a Unix stream socket, with descriptors beside them. Knows no message.

use std::{
    collections::VecDeque,
    io::{self, IoSlice, IoSliceMut},
    mem::MaybeUninit,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::net::UnixStream,
    },
    time::Duration,
};

use rustix::{
    io::Errno,
    net::{
        RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
        SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
    },
};
use serde::{Serialize, de::DeserializeOwned};

/// The longest line that is read or written. A spec's limits keep honest messages far below it.
pub const LINE_LIMIT: usize = 16 << 20;
/// Descriptors that may come with one message.
pub const DESCRIPTOR_LIMIT: usize = 8;

/// Both directions of a socket. They can be used apart, from two threads.
pub struct Channel {
    pub sender: Sender,
    pub receiver: Receiver,
}

/// The writing half. The socket is closed when both halves are dropped.
pub struct Sender {
    socket: UnixStream,
}

/// The reading half.
pub struct Receiver {
    socket: UnixStream,
    /// Bytes that came and are not yet given out.
    buffer: Vec<u8>,
    /// How much of `buffer` is known to hold no end of line.
    searched: usize,
    descriptors: VecDeque<OwnedFd>,
}

impl Channel {
    /// Speaks over `socket`.
    pub fn new(socket: UnixStream) -> io::Result<Self> {
        let receiver = Receiver {
            socket: socket.try_clone()?,
            buffer: Vec::new(),
            searched: 0,
            descriptors: VecDeque::new(),
        };
        Ok(Self {
            sender: Sender { socket },
            receiver,
        })
    }

    /// A channel and the socket at its other end, to be handed to another process.
    pub fn pair() -> io::Result<(Self, UnixStream)> {
        let (ours, theirs) = UnixStream::pair()?;
        Ok((Self::new(ours)?, theirs))
    }
}

impl Sender {
    /// Sends a message.
    pub fn send<T: Serialize>(&mut self, message: &T) -> io::Result<()> {
        self.send_with(message, &[])
    }

    /// Sends a message and, with it, descriptors.
    pub fn send_with<T: Serialize>(
        &mut self,
        message: &T,
        descriptors: &[BorrowedFd<'_>],
    ) -> io::Result<()> {
        let mut line = serde_json::to_vec(message)?;
        line.push(b'\n');
        if line.len() > LINE_LIMIT || descriptors.len() > DESCRIPTOR_LIMIT {
            return Err(too_long());
        }
        let mut rest = line.as_slice();
        let mut descriptors = descriptors;
        while !rest.is_empty() {
            let mut space =
                [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTOR_LIMIT))];
            let mut control = SendAncillaryBuffer::new(&mut space);
            if !descriptors.is_empty() {
                control.push(SendAncillaryMessage::ScmRights(descriptors));
            }
            match sendmsg(
                &self.socket,
                &[IoSlice::new(rest)],
                &mut control,
                SendFlags::NOSIGNAL,
            ) {
                Ok(sent) => {
                    rest = &rest[sent..];
                    descriptors = &[];
                }
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Speaks over another socket from now on; the old one is closed.
    pub(crate) fn replace(&mut self, socket: UnixStream) {
        self.socket = socket;
    }
}

impl Receiver {
    /// The next message; `None` when the other side is gone.
    /// With a timeout set, an error of kind `WouldBlock` means that it passed; nothing is lost by that.
    pub fn receive<T: DeserializeOwned>(&mut self) -> io::Result<Option<T>> {
        match self.line()? {
            Some(line) => Ok(Some(serde_json::from_slice(&line)?)),
            None => Ok(None),
        }
    }

    /// How long `receive` waits for bytes. Default: for ever.
    pub fn set_timeout(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        self.socket.set_read_timeout(timeout)
    }

    /// The next descriptor that came, in the order sent. Those of a message are here once it is received.
    pub fn take_descriptor(&mut self) -> Option<OwnedFd> {
        self.descriptors.pop_front()
    }

    /// Whether `receive` would give a whole message without waiting for the socket.
    pub fn has_line(&self) -> bool {
        self.buffer[self.searched..].contains(&b'\n')
    }

    /// Hears another socket from now on; the old one is closed.
    pub(crate) fn replace(&mut self, socket: UnixStream) {
        self.socket = socket;
        self.buffer.clear();
        self.descriptors.clear();
        self.searched = 0;
    }

    fn line(&mut self) -> io::Result<Option<Vec<u8>>> {
        loop {
            let unseen = &self.buffer[self.searched..];
            if let Some(end) = unseen.iter().position(|&byte| byte == b'\n') {
                let mut line: Vec<u8> = self.buffer.drain(..=self.searched + end).collect();
                line.pop();
                self.searched = 0;
                return Ok(Some(line));
            }
            self.searched = self.buffer.len();
            if self.buffer.len() > LINE_LIMIT {
                return Err(too_long());
            }
            if self.read()? == 0 {
                return if self.buffer.is_empty() {
                    Ok(None)
                } else {
                    Err(io::ErrorKind::UnexpectedEof.into())
                };
            }
        }
    }

    fn read(&mut self) -> io::Result<usize> {
        let mut chunk = [0; 16 << 10];
        loop {
            let mut space =
                [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTOR_LIMIT))];
            let mut control = RecvAncillaryBuffer::new(&mut space);
            // Close-on-exec from the first moment: a descriptor that leaks into a child keeps sockets open.
            let got = match recvmsg(
                &self.socket,
                &mut [IoSliceMut::new(&mut chunk)],
                &mut control,
                RecvFlags::CMSG_CLOEXEC,
            ) {
                Ok(got) => got.bytes,
                Err(Errno::INTR) => continue,
                Err(Errno::CONNRESET) => 0,
                Err(error) => return Err(error.into()),
            };
            for message in control.drain() {
                if let RecvAncillaryMessage::ScmRights(descriptors) = message {
                    self.descriptors.extend(descriptors);
                }
            }
            self.buffer.extend_from_slice(&chunk[..got]);
            return Ok(got);
        }
    }
}

impl AsFd for Sender {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl AsFd for Receiver {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

fn too_long() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("a message is longer than {LINE_LIMIT} bytes or has too many descriptors"),
    )
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read, Write},
        thread,
    };

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn descriptors_arrive_with_their_message() {
        let (mut ours, theirs) = Channel::pair().unwrap();
        let mut theirs = Channel::new(theirs).unwrap();
        let (mut far, near) = UnixStream::pair().unwrap();
        ours.sender.send(&"plain").unwrap();
        ours.sender.send_with(&"with", &[near.as_fd()]).unwrap();
        drop(near);
        assert_eq!(
            theirs.receiver.receive::<String>().unwrap().unwrap(),
            "plain"
        );
        assert_eq!(
            theirs.receiver.receive::<String>().unwrap().unwrap(),
            "with"
        );
        let mut near = UnixStream::from(theirs.receiver.take_descriptor().unwrap());
        near.write_all(b"x").unwrap();
        let mut byte = [0];
        far.read_exact(&mut byte).unwrap();
        assert_eq!(&byte, b"x");
        assert!(theirs.receiver.take_descriptor().is_none());
    }

    #[test]
    fn a_closed_socket_is_the_end_and_half_a_line_is_an_error() {
        let (mut ours, theirs) = Channel::pair().unwrap();
        drop(theirs);
        assert!(ours.receiver.receive::<String>().unwrap().is_none());

        let (mut ours, mut theirs) = Channel::pair().unwrap();
        theirs.write_all(b"\"half").unwrap();
        drop(theirs);
        let error = ours.receiver.receive::<String>().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }

    #[test]
    fn an_endless_line_is_refused() {
        let (mut ours, mut theirs) = Channel::pair().unwrap();
        let writer = thread::spawn(move || {
            let piece = vec![b'x'; 1 << 16];
            while theirs.write_all(&piece).is_ok() {}
        });
        let error = ours.receiver.receive::<String>().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        drop(ours);
        writer.join().unwrap();
    }

    #[test]
    fn a_timeout_loses_nothing() {
        let (mut ours, mut theirs) = Channel::pair().unwrap();
        ours.receiver
            .set_timeout(Some(Duration::from_millis(10)))
            .unwrap();
        theirs.write_all(b"\"a").unwrap();
        let error = ours.receiver.receive::<String>().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
        theirs.write_all(b"b\"\n").unwrap();
        assert_eq!(ours.receiver.receive::<String>().unwrap().unwrap(), "ab");
    }

    proptest! {
        #[test]
        fn texts_survive(texts in proptest::collection::vec(any::<String>(), 0..20)) {
            let (ours, theirs) = Channel::pair().unwrap();
            let mut theirs = Channel::new(theirs).unwrap();
            let sent = texts.clone();
            let writer = thread::spawn(move || {
                let mut ours = ours;
                for text in &sent {
                    ours.sender.send(text).unwrap();
                }
            });
            let mut got = Vec::new();
            while let Some(text) = theirs.receiver.receive::<String>().unwrap() {
                got.push(text);
            }
            writer.join().unwrap();
            prop_assert_eq!(got, texts);
        }
    }
}

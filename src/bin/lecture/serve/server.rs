// SPDX-License-Identifier: MPL-2.0

//! The sockets of a page: HTTP/1.1 (RFC 9112) with one request per connection.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::listen::Listen;
use super::reply::Reply;
use crate::error::Error;

/// Time before the next connection is accepted if one cannot be.
const PATIENCE: Duration = Duration::from_millis(200);
/// Longest time to wait for more of a request.
const SILENCE: Duration = Duration::from_secs(10);
/// Largest size of the lines before the body, in bytes.
const LARGEST_HEAD: u64 = 16 << 10;
/// Largest number of header fields.
const MOST_FIELDS: usize = 64;
/// Largest number of connections at the same time. A paused video holds one.
const MOST: usize = 64;
/// Most bytes of a refused request that are read and thrown away.
const LARGEST_REFUSED: u64 = 16 << 20;

/// A request.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    pub method: String,
    /// The path and the query.
    pub target: String,
    /// Names in lower case, and values.
    pub fields: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Asked {
    /// Returns the path, without the query.
    pub fn path(&self) -> &str {
        self.target.split(['?', '#']).next().unwrap_or_default()
    }

    /// Returns the value of a header field; `name` is in lower case.
    pub fn field(&self, name: &str) -> Option<&str> {
        let mut fields = self.fields.iter();
        let field = fields.find(|(known, _)| known == name)?;
        Some(&field.1)
    }

    /// Reads a request with at most `largest` bytes in its body. Returns the answer if it cannot be
    /// understood, or is too large.
    fn read(from: &mut impl BufRead, largest: u64, to: &mut impl Write) -> Result<Self, Reply> {
        let head = read_head(from)?;
        let mut fields = [httparse::EMPTY_HEADER; MOST_FIELDS];
        let mut parsed = httparse::Request::new(&mut fields);
        match parsed.parse(&head) {
            Ok(httparse::Status::Complete(_)) => {}
            _ => return Err(Reply::text(400, "This is not a request.")),
        }
        let fields = parsed.headers.iter().map(|field| {
            let value = String::from_utf8_lossy(field.value).into_owned();
            (field.name.to_ascii_lowercase(), value)
        });
        let mut asked = Asked {
            method: parsed.method.unwrap_or_default().to_owned(),
            target: parsed.path.unwrap_or_default().to_owned(),
            fields: fields.collect(),
            body: Vec::new(),
        };
        if asked.field("transfer-encoding").is_some() {
            return Err(Reply::text(411, "The length is missing."));
        }
        let length = asked.field("content-length");
        let length = length.map_or(Ok(0), |length| length.trim().parse::<u64>());
        let length = match length {
            Ok(length) if length <= largest => length,
            Ok(_) => return Err(Reply::text(413, "This is too large.")),
            Err(_) => return Err(Reply::text(400, "This is not a length.")),
        };
        let waits = asked.field("expect");
        if waits.is_some_and(|waits| waits.eq_ignore_ascii_case("100-continue")) {
            // Who is gone sends no body, which is found next.
            let _ = to.write_all(b"HTTP/1.1 100 Continue\r\n\r\n");
        }
        match from.take(length).read_to_end(&mut asked.body) {
            Ok(read) if read as u64 == length => Ok(asked),
            _ => Err(Reply::text(400, "The request is cut off.")),
        }
    }
}

/// Reads up to the empty line before the body.
fn read_head(from: &mut impl BufRead) -> Result<Vec<u8>, Reply> {
    let mut head = Vec::new();
    let mut from = from.take(LARGEST_HEAD);
    loop {
        let before = head.len();
        match from.read_until(b'\n', &mut head) {
            Ok(read) if read > 0 && head.ends_with(b"\n") => {}
            _ => return Err(Reply::text(400, "The request is cut off or too large.")),
        }
        let line = head.get(before..).unwrap_or_default();
        if before > 0 && (line == b"\r\n" || line == b"\n") {
            return Ok(head);
        }
    }
}

/// A server that listens.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
}

impl Server {
    /// Opens the socket; requests wait until [`Server::start`]. `variable` has the address.
    ///
    /// # Errors
    /// The address is in use, or is not one of this machine.
    pub fn listen(listen: Listen, variable: &str) -> Result<Self, Error> {
        let listener = listen.open(variable)?;
        let address = listener.local_addr().unwrap_or(listen.0);
        Ok(Server { listener, address })
    }

    /// Returns the address with the port that was chosen.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers requests with at most `largest` bytes in their bodies, each in a thread of its own.
    pub fn start(
        self,
        largest: u64,
        answer: impl Fn(&Asked) -> Reply + Send + Sync + 'static,
    ) -> Serving {
        let is_over = Arc::new(AtomicBool::new(false));
        let (address, over) = (self.address, is_over.clone());
        let thread = thread::spawn(move || self.accept(&over, largest, answer));
        Serving {
            address,
            is_over,
            thread: Some(thread),
        }
    }

    fn accept(
        self,
        is_over: &AtomicBool,
        largest: u64,
        answer: impl Fn(&Asked) -> Reply + Send + Sync + 'static,
    ) {
        let answer = Arc::new(answer);
        let busy = Arc::new(());
        for stream in self.listener.incoming() {
            if is_over.load(Ordering::Relaxed) {
                return;
            }
            let Ok(stream) = stream else {
                // Too many open files, for example: some are closed soon.
                thread::sleep(PATIENCE);
                continue;
            };
            let (answer, held) = (answer.clone(), busy.clone());
            let is_full = Arc::strong_count(&busy) > MOST + 1;
            thread::spawn(move || {
                // A browser that goes away, as after a seek, is no fault.
                let _ = serve(&stream, largest, |asked| match is_full {
                    true => Reply::text(503, "Too many requests at once."),
                    false => answer(asked),
                });
                drop(held);
            });
        }
    }
}

/// A server that answers. Dropping it closes the socket; an answer that is being written goes on.
pub struct Serving {
    address: SocketAddr,
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        // One more connection, so that the thread looks.
        let mut address = self.address;
        if address.ip().is_unspecified() {
            address.set_ip(match address.is_ipv4() {
                true => Ipv4Addr::LOCALHOST.into(),
                false => Ipv6Addr::LOCALHOST.into(),
            });
        }
        let is_awake = TcpStream::connect_timeout(&address, SILENCE).is_ok();
        if let Some(thread) = self.thread.take().filter(|_| is_awake) {
            // A thread that has panicked has ended, too.
            let _ = thread.join();
        }
    }
}

/// Answers the request of a connection.
fn serve(
    mut stream: &TcpStream,
    largest: u64,
    answer: impl FnOnce(&Asked) -> Reply,
) -> io::Result<()> {
    stream.set_read_timeout(Some(SILENCE))?;
    let asked = Asked::read(&mut BufReader::new(stream), largest, &mut stream);
    let has_body = !matches!(&asked, Ok(asked) if asked.method == "HEAD");
    let (reply, is_refused) = match asked {
        Ok(asked) => (answer(&asked), false),
        Err(refused) => (refused, true),
    };
    write(reply, has_body, &mut stream)?;
    stream.shutdown(Shutdown::Write)?;
    if is_refused {
        // RFC 9112, section 9.6: a socket that is closed with bytes unread resets the connection, and a sender
        // that still writes never sees the answer.
        io::copy(&mut stream.take(LARGEST_REFUSED), &mut io::sink())?;
    }
    Ok(())
}

fn write(mut reply: Reply, has_body: bool, to: &mut impl Write) -> io::Result<()> {
    let fields = std::mem::take(&mut reply.headers);
    let status = reply.status;
    let mut head = format!("HTTP/1.1 {status} \r\nConnection: close\r\n");
    for (name, value) in fields {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    let (length, mut body) = reply.into_reader();
    // RFC 9110, section 8.6: an answer without content has no length.
    if status != 204 {
        head.push_str(&format!("Content-Length: {length}\r\n"));
    }
    head.push_str("\r\n");
    to.write_all(head.as_bytes())?;
    if has_body {
        io::copy(&mut body, to)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Asked, u16> {
        let asked = Asked::read(&mut text.as_bytes(), 64 << 20, &mut io::sink());
        asked.map_err(|reply| reply.status)
    }

    #[test]
    fn a_request_is_read_with_its_body() {
        let asked = read(
            "PUT /api/draft/a?b HTTP/1.1\r\nhost: a:1\r\nOrigin: http://a:1\r\nCOOKIE: c=d\r\n\
             Range: bytes=0-\r\nContent-Length: 3\r\n\r\n{}\nmore",
        )
        .expect("a request");
        assert_eq!((&*asked.method, asked.path()), ("PUT", "/api/draft/a"));
        assert_eq!(asked.target, "/api/draft/a?b");
        assert_eq!(asked.body, b"{}\n");
        let fields = ["host", "origin", "cookie", "range", "accept"];
        let fields = fields.map(|name| asked.field(name).unwrap_or_default());
        assert_eq!(fields, ["a:1", "http://a:1", "c=d", "bytes=0-", ""]);
    }

    #[test]
    fn a_sender_that_waits_for_a_word_gets_it() {
        let text = "POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nhi";
        let mut written = Vec::new();
        let asked = Asked::read(&mut text.as_bytes(), 2, &mut written);
        assert_eq!(asked.map(|asked| asked.body).ok(), Some(b"hi".to_vec()));
        assert_eq!(written, b"HTTP/1.1 100 Continue\r\n\r\n");
    }

    #[test]
    fn a_server_answers_until_it_is_dropped() {
        let listen = Listen("127.0.0.1:0".parse().expect("an address"));
        let server = Server::listen(listen, "listen").expect("a socket");
        let address = server.address();
        let get = || {
            let mut stream = TcpStream::connect(address).ok()?;
            stream.write_all(b"GET /a HTTP/1.1\r\n\r\n").ok()?;
            let mut text = String::new();
            stream.read_to_string(&mut text).ok()?;
            Some(text)
        };
        let serving = server.start(0, |asked| Reply::text(200, asked.target.clone()));
        let text = get().expect("an answer");
        assert!(text.starts_with("HTTP/1.1 200 "), "{text}");
        assert!(text.ends_with("\r\n\r\n/a"), "{text}");
        let taken = Server::listen(Listen(address), "listen");
        assert_eq!(taken.err().map(|error| error.status()), Some(75));
        drop(serving);
        assert_eq!(get(), None);
    }

    #[test]
    fn a_sender_of_too_much_sees_the_answer() {
        let listen = Listen("127.0.0.1:0".parse().expect("an address"));
        let server = Server::listen(listen, "listen").expect("a socket");
        let address = server.address();
        let _serving = server.start(2, |_| Reply::text(200, "hi"));
        let mut stream = TcpStream::connect(address).expect("a connection");
        let length = 4 << 20;
        write!(
            stream,
            "POST / HTTP/1.1\r\nContent-Length: {length}\r\n\r\n"
        )
        .expect("written");
        // Longer than the answer takes, and more than the socket's buffers hold.
        for piece in vec![b'x'; length].chunks(length / 8) {
            thread::sleep(Duration::from_millis(20));
            stream.write_all(piece).expect("the sender is heard");
        }
        let mut text = String::new();
        stream.read_to_string(&mut text).expect("an answer");
        assert!(text.starts_with("HTTP/1.1 413 "), "{text}");
    }

    #[test]
    fn what_is_no_request_or_too_large_is_refused() {
        let long = format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(20_000));
        let many = format!("GET / HTTP/1.1\r\n{}\r\n", "X: y\r\n".repeat(100));
        for (text, status) in [
            ("", 400),
            ("GET / HTTP/1.1\r\nHost: a\r\n", 400),
            ("\r\n\r\n", 400),
            ("hello\r\n\r\n", 400),
            (&long, 400),
            (&many, 400),
            ("PUT / HTTP/1.1\r\nContent-Length: 9\r\n\r\nabc", 400),
            ("PUT / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
            ("PUT / HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n", 413),
            ("PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 411),
        ] {
            assert_eq!(read(text).err(), Some(status), "{text:.60}");
        }
    }

    #[test]
    fn an_answer_is_written_with_its_length() {
        for (has_body, end) in [
            (true, "Content-Length: 2\r\n\r\nhi"),
            (false, "Content-Length: 2\r\n\r\n"),
        ] {
            let mut written = Vec::new();
            write(Reply::text(403, "hi"), has_body, &mut written).expect("written");
            let text = String::from_utf8(written).expect("text");
            assert!(text.starts_with("HTTP/1.1 403 \r\n"), "{text}");
            assert!(text.ends_with(end), "{text}");
            assert!(
                text.contains("\r\nContent-Security-Policy: default-src 'none';"),
                "{text}"
            );
        }
    }
}

//! Clients: hyper's, and one that shows the bytes as they are.

use std::net::SocketAddr;

use futures_util::future::Either;
use http::{Request, Response, Uri, Version, header};
use http_body::Body;
use http_body_util::BodyExt;
use hyper::{
    body::{Bytes, Incoming},
    client::conn::{http1, http2},
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinHandle,
};
use tower::BoxError;

use super::{server::Protocol, service::Boxed, wait::within};

/// A client with one connection.
#[derive(Debug)]
pub(crate) struct Client {
    sender: Sender,
    connection: JoinHandle<()>,
}

#[derive(Debug)]
enum Sender {
    Http1(http1::SendRequest<Boxed>),
    Http2(http2::SendRequest<Boxed>),
}

impl Client {
    pub(crate) async fn connect(protocol: Protocol, address: SocketAddr) -> Self {
        let socket = TcpStream::connect(address).await.unwrap();
        socket.set_nodelay(true).unwrap();
        let socket = TokioIo::new(socket);
        match protocol {
            Protocol::Http1 => {
                let (sender, connection) = http1::handshake(socket).await.unwrap();
                let connection = connection.with_upgrades();
                let connection = tokio::spawn(async { _ = connection.await });
                Self { sender: Sender::Http1(sender), connection }
            }
            Protocol::Http2 => {
                let made = http2::handshake(TokioExecutor::new(), socket).await;
                let (sender, connection) = made.unwrap();
                let connection = tokio::spawn(async { _ = connection.await });
                Self { sender: Sender::Http2(sender), connection }
            }
        }
    }

    /// Sends a request. Resolves at the head of the response.
    pub(crate) async fn send<B>(&mut self, request: Request<B>) -> hyper::Result<Response<Incoming>>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        // What came before is read to its end, but its connection may not have noticed yet.
        match &mut self.sender {
            Sender::Http1(sender) => sender.ready().await?,
            Sender::Http2(sender) => sender.ready().await?,
        }
        self.start(request).await
    }

    /// The same, for requests that are to be sent side by side.
    pub(crate) fn start<B>(
        &mut self,
        request: Request<B>,
    ) -> impl Future<Output = hyper::Result<Response<Incoming>>> + Send + use<B>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let mut request = request.map(|body| body.map_err(Into::into).boxed_unsync());
        let sending = match &mut self.sender {
            Sender::Http1(sender) => {
                request.headers_mut().entry(header::HOST).or_insert("localhost".parse().unwrap());
                Either::Left(sender.send_request(request))
            }
            Sender::Http2(sender) => {
                *request.version_mut() = Version::HTTP_2;
                if request.uri().authority().is_none() {
                    let uri = format!("http://localhost{}", request.uri());
                    *request.uri_mut() = uri.parse::<Uri>().unwrap();
                }
                Either::Right(sender.send_request(request))
            }
        };
        within("the head of a response", sending)
    }

    /// Closes the socket, whatever is under way on it.
    pub(crate) async fn leave(self) {
        self.connection.abort();
        let _ = self.connection.await;
    }
}

/// A client that writes and reads bytes.
#[derive(Debug)]
pub(crate) struct Raw(TcpStream);

impl Raw {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let socket = TcpStream::connect(address).await.unwrap();
        socket.set_nodelay(true).unwrap();
        Self(socket)
    }

    pub(crate) async fn write(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).await.unwrap();
    }

    /// Reads until `end` has come, and not further than what had arrived then.
    pub(crate) async fn read_until(&mut self, end: &str) -> String {
        let mut read = Vec::new();
        let reading = async {
            while !read.windows(end.len()).any(|window| window == end.as_bytes()) {
                let count = self.0.read_buf(&mut read).await.unwrap();
                assert!(count > 0, "closed before {end:?}: {}", String::from_utf8_lossy(&read));
            }
        };
        within("bytes of a response", reading).await;
        String::from_utf8_lossy(&read).into_owned()
    }

    /// Reads until the server closes the connection.
    pub(crate) async fn read_to_end(&mut self) -> Vec<u8> {
        let mut read = Vec::new();
        within("the end of a response", self.0.read_to_end(&mut read)).await.unwrap();
        read
    }

    /// What came back on a connection of its own, up to its end.
    pub(crate) async fn exchange(address: SocketAddr, request: &[u8]) -> Vec<u8> {
        let mut raw = Self::connect(address).await;
        raw.write(request).await;
        raw.read_to_end().await
    }
}

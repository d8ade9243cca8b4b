//! Real hyper servers on loopback.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use http::{Request, Response};
use http_body::Body;
use hyper::{
    body::Incoming,
    server::conn::{http1, http2},
};
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::oneshot,
    task::{JoinHandle, JoinSet},
};
use tower::{BoxError, Service};

use super::wait::within;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Protocol {
    Http1,
    Http2,
}

impl Protocol {
    pub(crate) const BOTH: [Self; 2] = [Self::Http1, Self::Http2];
}

/// A hyper server of one service. It ends by [`stop`](Self::stop), or with the test.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    /// Yields how many of the server's tasks panicked.
    task: JoinHandle<usize>,
}

impl Server {
    pub(crate) async fn start<S, R>(protocol: Protocol, service: S) -> Self
    where
        S: Service<Request<Incoming>, Response = Response<R>> + Clone + Send + 'static,
        S::Future: Send + 'static,
        S::Error: Into<BoxError>,
        R: Body + Send + 'static,
        R::Data: Send,
        R::Error: Into<BoxError>,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(accept(listener, protocol, service, stopped));
        Self { address, stop: Some(stop), task }
    }

    /// Takes no more connections, waits for those that are left to end, and fails the test if a
    /// task of the server panicked.
    pub(crate) async fn stop(self) {
        assert_eq!(self.stop_after_panics().await, 0, "a task of the server panicked");
    }

    /// The same for a test that means to panic. Returns how many tasks did.
    pub(crate) async fn stop_after_panics(mut self) -> usize {
        drop(self.stop.take());
        within("the server's connections end", &mut self.task).await.unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept<S, R>(
    listener: TcpListener,
    protocol: Protocol,
    service: S,
    mut stopped: oneshot::Receiver<()>,
) -> usize
where
    S: Service<Request<Incoming>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Into<BoxError>,
    R: Body + Send + 'static,
    R::Data: Send,
    R::Error: Into<BoxError>,
{
    let tasks = Tasks::default();
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            _ = &mut stopped => break,
            socket = listener.accept() => {
                let (socket, _) = socket.unwrap();
                socket.set_nodelay(true).unwrap();
                connections.spawn(connection(protocol, socket, service.clone(), tasks.clone()));
            }
        }
    }
    drop(listener);
    let mut panics = ended(connections).await;
    loop {
        let tasks = std::mem::take(&mut *tasks.0.lock().unwrap());
        if tasks.is_empty() {
            return panics;
        }
        panics += ended(tasks).await;
    }
}

/// Serves one connection. How it ends is for the client to see.
async fn connection<S, R>(protocol: Protocol, socket: TcpStream, service: S, tasks: Tasks)
where
    S: Service<Request<Incoming>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Into<BoxError>,
    R: Body + Send + 'static,
    R::Data: Send,
    R::Error: Into<BoxError>,
{
    let socket = TokioIo::new(socket);
    let service = TowerToHyperService::new(service);
    let _ = match protocol {
        Protocol::Http1 => {
            http1::Builder::new().serve_connection(socket, service).with_upgrades().await
        }
        Protocol::Http2 => http2::Builder::new(tasks).serve_connection(socket, service).await,
    };
}

/// Where hyper spawns the streams of an HTTP/2 connection.
#[derive(Clone, Debug, Default)]
struct Tasks(Arc<Mutex<JoinSet<()>>>);

impl<F: Future<Output = ()> + Send + 'static> hyper::rt::Executor<F> for Tasks {
    fn execute(&self, task: F) {
        self.0.lock().unwrap().spawn(task);
    }
}

/// Waits for all tasks. Returns how many panicked.
async fn ended(mut tasks: JoinSet<()>) -> usize {
    let mut panics = 0;
    while let Some(task) = tasks.join_next().await {
        panics += usize::from(task.is_err_and(|err| err.is_panic()));
    }
    panics
}

//! A TCP proxy that makes trouble: cuts connections, leaves them open on one side only, delays what passes.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::watch;

/// What a connection does with what it gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// Passes it on after a while.
    Passing(Duration),
    /// Nothing passes in either direction, and neither side is told.
    Deaf,
    /// Both sides are closed.
    Cut,
}

/// The proxy. It ends with this value.
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    runtime: Runtime,
}

#[derive(Default)]
struct Shared {
    connections: Mutex<Connections>,
}

#[derive(Default)]
struct Connections {
    next: u64,
    open: BTreeMap<u64, watch::Sender<Mode>>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Connections> {
        self.connections.lock().expect("nobody panics while holding it")
    }
}

impl Proxy {
    /// Takes a port; nobody gets through before [`Proxy::lead_to`].
    pub fn bind() -> (Self, TcpListener) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        (Self { address, shared: Arc::default(), runtime }, listener)
    }

    /// Passes every connection on to a server. While there is none, connections are closed at once.
    pub fn lead_to(&self, listener: TcpListener, server: &str) {
        let (shared, server) = (Arc::clone(&self.shared), server.to_owned());
        self.runtime.spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(serve(Arc::clone(&shared), client, server.clone()));
            }
        });
    }

    /// `HOST:PORT`.
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// Closes some of the connections, by their number modulo how many there are. Says how many.
    pub fn cut(&self, which: &[usize]) -> usize {
        self.change(which, Mode::Cut)
    }

    /// From now on nothing passes some of the connections, for ever.
    pub fn deafen(&self, which: &[usize]) -> usize {
        self.change(which, Mode::Deaf)
    }

    /// Everything that passes takes so much longer, on connections that are open now.
    pub fn delay(&self, delay: Duration) {
        for mode in self.shared.lock().open.values() {
            mode.send_if_modified(|mode| match mode {
                Mode::Passing(current) => std::mem::replace(current, delay) != delay,
                Mode::Deaf | Mode::Cut => false,
            });
        }
    }

    fn change(&self, which: &[usize], to: Mode) -> usize {
        let connections = self.shared.lock();
        let passing: Vec<&watch::Sender<Mode>> =
            connections.open.values().filter(|mode| matches!(*mode.borrow(), Mode::Passing(_))).collect();
        let chosen: std::collections::BTreeSet<usize> =
            which.iter().filter_map(|number| number.checked_rem(passing.len())).collect();
        for at in &chosen {
            passing[*at].send_replace(to);
        }
        chosen.len()
    }
}

async fn serve(shared: Arc<Shared>, client: TcpStream, server: String) {
    let Ok(server) = TcpStream::connect(&server).await else { return };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let (sender, mode) = watch::channel(Mode::Passing(Duration::ZERO));
    let number = {
        let mut connections = shared.lock();
        connections.next += 1;
        let number = connections.next;
        connections.open.insert(number, sender);
        number
    };
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    tokio::select! {
        () = pass(from_client, to_server, mode.clone()) => {}
        () = pass(from_server, to_client, mode) => {}
    }
    shared.lock().open.remove(&number);
}

/// Passes bytes on until one side closes or the connection is cut.
async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut mode: watch::Receiver<Mode>) {
    let mut bytes = vec![0; 64 * 1024];
    loop {
        let now = *mode.borrow_and_update();
        match now {
            Mode::Cut => return,
            Mode::Deaf => {
                if mode.changed().await.is_err() {
                    return;
                }
            }
            Mode::Passing(delay) => {
                let read = tokio::select! {
                    read = from.read(&mut bytes) => read,
                    changed = mode.changed() => match changed {
                        Ok(()) => continue,
                        Err(_) => return,
                    },
                };
                let Ok(length @ 1..) = read else { return };
                tokio::time::sleep(delay).await;
                if to.write_all(&bytes[..length]).await.is_err() {
                    return;
                }
            }
        }
    }
}

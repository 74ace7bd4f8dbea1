//! `doorward healthcheck`, for containers without a shell or curl.

use std::{
    io::{Read, Write},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream},
    time::Duration,
};

use crate::app::StartError;

const TIMEOUT: Duration = Duration::from_secs(5);

/// Asks the server that listens on `listen` whether it is ready.
pub(super) fn run(listen: SocketAddr) -> Result<(), StartError> {
    let failed = |source| StartError::Io { what: format!("no answer from {listen}"), source };
    let mut status = [0; 12];
    let mut stream = TcpStream::connect_timeout(&reachable(listen), TIMEOUT).map_err(failed)?;
    stream.set_read_timeout(Some(TIMEOUT)).map_err(failed)?;
    let request =
        format!("GET /health/ready HTTP/1.1\r\nHost: {listen}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).map_err(failed)?;
    stream.read_exact(&mut status).map_err(failed)?;
    if &status == b"HTTP/1.1 200" {
        return Ok(());
    }
    Err(StartError::Config(format!("the server on {listen} is not ready")))
}

/// A wildcard address is reached through the loopback.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

//! Which address a request came from, when proxies stand in front.

use std::net::{IpAddr, SocketAddr};

use crate::domain::address::AddressRange;

/// Hops that are looked at: more than any chain of proxies has.
const MOST_HOPS: usize = 32;

/// The address of whoever sent a request: of the connection, unless that is a proxy of the
/// operator's. Then it is the last address of `X-Forwarded-For` that no such proxy has. Everything
/// before that was written by whoever sent the request, and could name anybody.
///
/// `forwarded_for` are the values of the header, in their order.
pub fn client_address<'a>(
    peer: IpAddr,
    forwarded_for: impl DoubleEndedIterator<Item = &'a str>,
    trusted: &[AddressRange],
) -> IpAddr {
    let is_trusted = |ip: IpAddr| trusted.iter().any(|range| range.contains(ip));
    let mut address = peer.to_canonical();
    let hops = forwarded_for.rev().flat_map(|value| value.rsplit(',')).take(MOST_HOPS);
    for hop in hops {
        if !is_trusted(address) {
            break;
        }
        // What a trusted proxy wrote and nobody can read is as good as the proxy itself.
        let Some(hop) = parse(hop.trim()) else { break };
        address = hop;
    }
    address
}

/// Some proxies add the port.
fn parse(hop: &str) -> Option<IpAddr> {
    let bracketed = hop.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let bare = bracketed.unwrap_or(hop).parse();
    let ip = bare.ok().or_else(|| hop.parse::<SocketAddr>().ok().map(|address| address.ip()));
    ip.map(|ip| ip.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_trusted_proxies_wrote_counts() {
        let proxies = ["10.0.0.0/8", "2001:db8:f::/48"].map(|range| range.parse().unwrap());
        #[rustfmt::skip]
        let table: &[(&str, &[&str], &str)] = &[
            // Nobody in between, or somebody whom nobody trusts.
            ("203.0.113.1", &[], "203.0.113.1"),
            ("203.0.113.1", &["198.51.100.1"], "203.0.113.1"),
            ("203.0.113.1", &["198.51.100.1, 10.0.0.1"], "203.0.113.1"),
            // A proxy, and what it wrote last.
            ("10.0.0.1", &[], "10.0.0.1"),
            ("10.0.0.1", &["198.51.100.1"], "198.51.100.1"),
            ("::ffff:10.0.0.1", &["198.51.100.1"], "198.51.100.1"),
            ("10.0.0.1", &["192.0.2.66, 198.51.100.1"], "198.51.100.1"),
            ("10.0.0.1", &["192.0.2.66", "198.51.100.1"], "198.51.100.1"),
            ("10.0.0.1", &["192.0.2.66,198.51.100.1,10.2.3.4"], "198.51.100.1"),
            // All of them proxies: the first one.
            ("10.0.0.1", &["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
            // Ports and brackets.
            ("10.0.0.1", &["198.51.100.1:4711"], "198.51.100.1"),
            ("10.0.0.1", &["[2001:db8::1]:4711"], "2001:db8::1"),
            ("10.0.0.1", &["[2001:db8::1]"], "2001:db8::1"),
            ("2001:db8:f::1", &["2001:db8::1"], "2001:db8::1"),
            // Rubbish, whether the proxy's or somebody else's.
            ("10.0.0.1", &["unknown"], "10.0.0.1"),
            ("10.0.0.1", &[""], "10.0.0.1"),
            ("10.0.0.1", &["198.51.100.1, , 10.0.0.2"], "10.0.0.2"),
            ("10.0.0.1", &["<svg>, 198.51.100.1"], "198.51.100.1"),
        ];
        for (peer, header, expected) in table {
            let found = client_address(peer.parse().unwrap(), header.iter().copied(), &proxies);
            assert_eq!(found, expected.parse::<IpAddr>().unwrap(), "{peer} {header:?}");
        }
    }

    #[test]
    fn a_long_list_is_not_read_to_its_end() {
        let proxies = ["0.0.0.0/0".parse().unwrap()];
        let long = vec!["10.0.0.2"; 10_000].join(",");
        let found = client_address("10.0.0.1".parse().unwrap(), [&*long].into_iter(), &proxies);
        assert_eq!(found.to_string(), "10.0.0.2");
    }
}

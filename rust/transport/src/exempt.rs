//! Whom `NO_PROXY` exempts, by the rules of curl and of Python's HTTP clients.
//!
//! Entries are parted by commas or blanks. `*` exempts all; a name exempts its host and all below it, with or
//! without a leading `.` or `*.`; an address or a network (`10.0.0.0/8`) what is in it. Each may have a port.

use std::net::IpAddr;

use hyper::Uri;
use ipnet::IpNet;

enum Host {
    Any,
    /// In lower case, without dots around it.
    Name(String),
    Network(IpNet),
}

struct Entry {
    host: Host,
    port: Option<u16>,
}

/// The servers that no proxy stands before.
#[derive(Default)]
pub(crate) struct Exempt(Vec<Entry>);

impl Exempt {
    pub(crate) fn read(value: &str) -> Self {
        let parts = value.split(|character: char| character == ',' || character.is_whitespace());
        Self(parts.filter(|part| !part.is_empty()).map(read_entry).collect())
    }

    pub(crate) fn contains(&self, url: &Uri) -> bool {
        let host = url.host().unwrap_or_default().trim_end_matches('.').to_ascii_lowercase();
        let address = parse_address(&host);
        let port = url.port_u16().unwrap_or(if url.scheme_str() == Some("https") { 443 } else { 80 });
        self.0.iter().any(|entry| {
            entry.port.is_none_or(|exempt| exempt == port)
                && match (&entry.host, address) {
                    (Host::Any, _) => true,
                    (Host::Network(network), Some(address)) => network.contains(&address),
                    (Host::Name(name), None) => host
                        .strip_suffix(name.as_str())
                        .is_some_and(|rest| rest.is_empty() || rest.ends_with('.')),
                    _ => false,
                }
        })
    }
}

fn read_entry(text: &str) -> Entry {
    // Some write whole URLs, as httpx takes them.
    let text = text.split_once("://").map_or(text, |(_, rest)| rest).trim_end_matches('/');
    if let Some(network) = parse_network(text) {
        return Entry { host: Host::Network(network), port: None };
    }
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) => match port.parse() {
            Ok(port) => (host, Some(port)),
            Err(_) => (text, None),
        },
        None => (text, None),
    };
    if host == "*" {
        return Entry { host: Host::Any, port };
    }
    let host = match parse_network(host) {
        Some(network) => Host::Network(network),
        None => Host::Name(host.trim_start_matches('*').trim_matches('.').to_ascii_lowercase()),
    };
    Entry { host, port }
}

fn parse_network(text: &str) -> Option<IpNet> {
    if let Some(address) = parse_address(text) {
        return Some(IpNet::from(address));
    }
    let (network, bits) = text.split_once('/')?;
    // macOS writes `169.254/16`.
    let missing = 4_usize.saturating_sub(network.split('.').count());
    let network =
        parse_address(network).or_else(|| parse_address(&(network.to_owned() + &".0".repeat(missing))))?;
    IpNet::new(network, bits.parse().ok()?).ok()
}

fn parse_address(text: &str) -> Option<IpAddr> {
    let text = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    text.parse::<IpAddr>().ok().map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use hyper::Uri;

    use super::Exempt;

    fn is_exempt(value: &str, url: &'static str) -> bool {
        Exempt::read(value).contains(&Uri::from_static(url))
    }

    #[test]
    fn all_of_them() {
        for url in ["http://a.test/", "http://10.1.2.3:8/", "https://[::1]/"] {
            assert!(is_exempt("*", url), "{url}");
            assert!(is_exempt("b.test, *", url), "{url}");
            assert!(!is_exempt("", url), "{url}");
            assert!(!is_exempt(" , ", url), "{url}");
        }
    }

    #[test]
    fn names_and_what_is_below_them() {
        for entry in
            ["corp.test", ".corp.test", "*.corp.test", "CORP.test.", "http://corp.test", "a  corp.test"]
        {
            for url in ["http://corp.test/", "https://a.b.CORP.test:9/", "http://corp.test.:1/"] {
                assert!(is_exempt(entry, url), "{entry} {url}");
            }
            for url in ["http://xcorp.test/", "http://corp.test.org/", "http://10.0.0.1/"] {
                assert!(!is_exempt(entry, url), "{entry} {url}");
            }
        }
    }

    #[test]
    fn one_port_of_them() {
        assert!(is_exempt("a.test:8080", "http://a.test:8080/"));
        assert!(is_exempt("a.test:443", "https://a.test/"));
        assert!(is_exempt("10.0.0.1:80", "http://10.0.0.1/"));
        assert!(is_exempt("[::1]:81", "http://[::1]:81/"));
        assert!(is_exempt("*:81", "http://a.test:81/"));
        for entry in ["a.test:8080", "*:8080", "10.0.0.1:81", "[::1]:80"] {
            for url in ["http://a.test/", "http://10.0.0.1/", "http://[::1]:81/"] {
                assert!(!is_exempt(entry, url), "{entry} {url}");
            }
        }
    }

    #[test]
    fn addresses_and_networks() {
        for entry in ["10.1.2.3", "10.0.0.0/8", "10/8", "0.0.0.0/0", "::/0, 10.1.2.3"] {
            assert!(is_exempt(entry, "http://10.1.2.3:8/"), "{entry}");
        }
        for entry in ["::1", "[::1]", "::/64"] {
            assert!(is_exempt(entry, "https://[::1]/"), "{entry}");
        }
        for entry in ["10.1.2.4", "11.0.0.0/8", "10.0.0.0/99", "10.1.2.3/x", ".2.3", "::1"] {
            assert!(!is_exempt(entry, "http://10.1.2.3/"), "{entry}");
        }
    }
}

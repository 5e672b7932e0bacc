//! The proxies that the environment names.
//!
//! Strategy: what a variable's value means is hyper-util's business. But it takes a proxy that it cannot
//! read for none, and whoever has set a proxy must not be passed by: such a variable fails the requests
//! that it counts for, with what to write instead. Lower case counts before upper case, as curl has it.

use std::env;

use hyper::{Uri, http::uri::Authority};
use hyper_util::client::proxy::matcher::{Intercept, Matcher};

use crate::exempt::Exempt;

/// The proxy for the URLs of one scheme, if any; or why it cannot be used.
type Named = Result<Option<Intercept>, String>;

/// Which proxy a URL needs. Where two variables are of one meaning, the first that is not empty counts.
pub(crate) struct Proxies {
    http: Named,
    https: Named,
    exempt: Exempt,
}

impl Proxies {
    pub(crate) fn from_env() -> Self {
        Self::new(|name| env::var_os(name).map(|value| value.to_string_lossy().into_owned()))
    }

    /// The proxy that a caller has named, whatever the environment says.
    pub(crate) fn only(proxy: &str) -> Self {
        let named = read("proxy", proxy).map(Some);
        Self { http: named.clone(), https: named, exempt: Exempt::default() }
    }

    pub(crate) fn none() -> Self {
        Self { http: Ok(None), https: Ok(None), exempt: Exempt::default() }
    }

    fn new(variable: impl Fn(&str) -> Option<String>) -> Self {
        // In a CGI program `HTTP_PROXY` is a header field, which anybody can send.
        let is_cgi = variable("REQUEST_METHOD").is_some();
        let first = |names: &[&'static str]| {
            let mut names = names.iter().filter(|name| !is_cgi || **name != "HTTP_PROXY");
            names.find_map(|name| Some((*name, variable(name).filter(|value| !value.is_empty())?)))
        };
        let name_proxy = |names: &[&'static str]| {
            first(names).map_or(Ok(None), |(name, value)| read(name, &value).map(Some))
        };
        let exempt = first(&["no_proxy", "NO_PROXY"]).map(|(_, value)| value).unwrap_or_default();
        Self {
            http: name_proxy(&["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"]),
            https: name_proxy(&["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]),
            exempt: Exempt::read(&exempt),
        }
    }

    /// The proxy that a URL needs, which is one of the scheme `http`.
    ///
    /// # Errors
    ///
    /// There is one, but it cannot be used; what to write instead.
    pub(crate) fn find(&self, url: &Uri) -> Named {
        if self.exempt.contains(url) {
            return Ok(None);
        }
        match url.scheme_str() {
            Some("http") => self.http.clone(),
            Some("https") => self.https.clone(),
            _ => Ok(None),
        }
    }
}

/// Reads a variable's value, which is never quoted: it may hold a password.
fn read(name: &str, value: &str) -> Result<Intercept, String> {
    let nothing = || format!("{name} names no proxy: write it like http://proxy:3128");
    let (scheme, address) = value.split_once("://").unwrap_or(("http", value));
    if scheme.is_empty() || !scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
    {
        return Err(nothing());
    }
    if !scheme.eq_ignore_ascii_case("http") {
        return Err(format!(
            "the {scheme}:// proxy that {name} names is not supported: name an http:// one, exempt the server \
             in NO_PROXY, or pass a client that supports it"
        ));
    }
    let matcher = Matcher::builder().all(format!("http://{address}")).build();
    let proxy = matcher.intercept(&Uri::from_static("http://any")).ok_or_else(nothing)?;
    // What is no port number would be taken for port 80.
    let has_good_port = |at: &Authority| at.port().is_some() || at.as_str().len() == at.host().len();
    if proxy.uri().authority().is_some_and(has_good_port) { Ok(proxy) } else { Err(nothing()) }
}

#[cfg(test)]
mod tests {
    use hyper::Uri;

    use super::Proxies;

    /// What is found for an `http` URL and for an `https` URL: the proxy's host and port, or the failure.
    fn found(variables: &[(&str, &str)]) -> [Result<Option<String>, String>; 2] {
        let variable = |name: &str| {
            variables.iter().find(|(other, _)| *other == name).map(|(_, value)| (*value).to_owned())
        };
        let proxies = Proxies::new(variable);
        ["http://server.test/", "https://server.test/"].map(|url| {
            let proxy = proxies.find(&Uri::from_static(url))?;
            Ok(proxy.and_then(|proxy| Some(proxy.uri().authority()?.to_string())))
        })
    }

    #[expect(clippy::unnecessary_wraps, reason = "it is what `find` returns")]
    fn named(proxy: &str) -> Result<Option<String>, String> {
        Ok(Some(proxy.to_owned()))
    }

    #[test]
    fn each_scheme_has_its_variable() {
        assert_eq!(found(&[]), [Ok(None), Ok(None)]);
        assert_eq!(found(&[("HTTP_PROXY", "http://a:1")]), [named("a:1"), Ok(None)]);
        assert_eq!(found(&[("https_proxy", "http://user:word@a:1/")]), [Ok(None), named("a:1")]);
        assert_eq!(found(&[("ALL_PROXY", "a:1")]), [named("a:1"), named("a:1")]);
        assert_eq!(found(&[("all_proxy", "a:1/"), ("https_proxy", "HTTP://b")]), [named("a:1"), named("b")]);
        assert_eq!(
            found(&[("HTTPS_PROXY", "http://[::1]:1"), ("HTTP_PROXY", "[::1]")]),
            [named("[::1]"), named("[::1]:1"),]
        );
    }

    #[test]
    fn an_empty_variable_counts_for_nothing() {
        assert_eq!(found(&[("HTTP_PROXY", ""), ("http_proxy", "a:1")]), [named("a:1"), Ok(None)]);
        assert_eq!(found(&[("HTTPS_PROXY", ""), ("ALL_PROXY", "")]), [Ok(None), Ok(None)]);
    }

    #[test]
    fn a_proxy_that_cannot_be_used_is_refused_and_not_passed_by() {
        for scheme in ["https", "socks4", "socks5", "socks5h", "socks", "ftp"] {
            let proxy = format!("{scheme}://user:word@a:1");
            let [http, https] = found(&[("ALL_PROXY", &proxy), ("HTTP_PROXY", "http://b:2")]);
            assert_eq!(http, named("b:2"));
            assert_eq!(
                https,
                Err(format!(
                    "the {scheme}:// proxy that ALL_PROXY names is not supported: name an http:// one, \
                     exempt the server in NO_PROXY, or pass a client that supports it"
                ))
            );
        }
        for junk in
            [" http://a", "user:word://a", "://a", "http://", "http://a b", "a:port", "a:99999", "\u{fffd}"]
        {
            let [http, https] = found(&[("HTTP_PROXY", junk), ("all_proxy", "http://b:2")]);
            let failure = "HTTP_PROXY names no proxy: write it like http://proxy:3128";
            assert_eq!(http, Err(failure.to_owned()), "{junk:?}");
            assert_eq!(https, named("b:2"));
        }
    }

    #[test]
    fn an_exempt_server_needs_no_proxy() {
        for name in ["NO_PROXY", "no_proxy"] {
            for exempt in ["server.test", ".test", "a, server.test", "*"] {
                let variables = [(name, exempt), ("ALL_PROXY", "socks5://a:1")];
                assert_eq!(found(&variables), [Ok(None), Ok(None)], "{exempt}");
            }
        }
    }

    #[test]
    fn lower_case_counts_before_upper_case() {
        let both =
            [("HTTP_PROXY", "a:1"), ("http_proxy", "b:2"), ("HTTPS_PROXY", "c:3"), ("https_proxy", "d:4")];
        assert_eq!(found(&both), [named("b:2"), named("d:4")]);
        let exempt = [("NO_PROXY", "server.test"), ("no_proxy", "other.test"), ("all_proxy", "a:1")];
        assert_eq!(found(&exempt), [named("a:1"), named("a:1")]);
    }

    #[test]
    fn a_header_field_of_a_cgi_program_is_no_proxy() {
        let program = ("REQUEST_METHOD", "GET");
        assert_eq!(found(&[program, ("HTTP_PROXY", "a:1")]), [Ok(None), Ok(None)]);
        assert_eq!(
            found(&[program, ("HTTP_PROXY", "a:1"), ("ALL_PROXY", "b:2")]),
            [named("b:2"), named("b:2")]
        );
        assert_eq!(
            found(&[program, ("http_proxy", "a:1"), ("HTTPS_PROXY", "b:2")]),
            [named("a:1"), named("b:2")]
        );
    }

    #[test]
    fn a_proxy_that_the_caller_names_counts_whatever_the_environment_exempts() {
        let url = Uri::from_static("https://server.test/");
        let proxy = Proxies::only("http://user:word@a:1").find(&url);
        assert_eq!(proxy.ok().flatten().map(|proxy| proxy.uri().to_string()), Some("http://a:1/".to_owned()));
        let refused = Proxies::only("socks5://a:1").find(&url).err().unwrap_or_default();
        assert!(refused.starts_with("the socks5:// proxy that proxy names is not supported"), "{refused}");
    }
}

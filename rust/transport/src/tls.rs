//! TLS: whom a client trusts, and who it says that it is.
//!
//! Files are read once: for clients without options of their own by the first `https` request of the
//! process, else by the client's first, and never on the I/O thread.

use std::{env, error::Error, path::Path, sync::Arc};

use hyper_rustls::ConfigBuilderExt;
use rustls::{
    CertificateError, ClientConfig, ConfigBuilder, DigitallySignedStruct, RootCertStore, SignatureScheme,
    WantsVerifier,
    client::{
        WantsClientCert,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject},
};
use tokio::sync::OnceCell;

use crate::options::TlsOptions;

type BoxError = Box<dyn Error + Send + Sync>;

/// What rustls says of a self-signed certificate as OpenSSL makes it by default.
const CA_AS_SERVER: &str = "CaUsedAsEndEntity";

/// The configuration for HTTP/1.1 and HTTP/2 with the system's roots.
static SYSTEM: OnceCell<Arc<ClientConfig>> = OnceCell::const_new();

/// The configuration of a client, loaded when it is needed.
#[derive(Clone)]
pub(crate) struct Tls {
    options: TlsOptions,
    is_http1_only: bool,
    own: Arc<OnceCell<Arc<ClientConfig>>>,
}

impl Tls {
    pub(crate) fn new(options: TlsOptions, is_http1_only: bool) -> Self {
        Self { options, is_http1_only, own: Arc::default() }
    }

    pub(crate) async fn config(&self) -> Result<Arc<ClientConfig>, BoxError> {
        let is_system = !self.is_http1_only && self.options == TlsOptions::default();
        let cell = if is_system { &SYSTEM } else { &*self.own };
        let config = cell
            .get_or_try_init(|| async {
                let (options, is_http1_only) = (self.options.clone(), self.is_http1_only);
                tokio::task::spawn_blocking(move || load(&options, is_http1_only)).await?
            })
            .await?;
        Ok(Arc::clone(config))
    }
}

fn load(options: &TlsOptions, is_http1_only: bool) -> Result<Arc<ClientConfig>, BoxError> {
    let provider = Arc::new(ring::default_provider());
    let builder =
        ClientConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions()?;
    let builder = trust(builder, options, provider)?;
    let mut config = match &options.identity {
        None => builder.with_no_client_auth(),
        Some((chain, key)) => {
            let key = PrivateKeyDer::from_pem_file(key)
                .map_err(|error| format!("the client's key {} cannot be read: {error}", key.display()))?;
            builder
                .with_client_auth_cert(read_certificates("the client's certificate", chain)?, key)
                .map_err(|error| format!("the client's certificate cannot be used: {error}"))?
        }
    };
    config.alpn_protocols =
        if is_http1_only { vec![b"http/1.1".to_vec()] } else { vec![b"h2".to_vec(), b"http/1.1".to_vec()] };
    Ok(Arc::new(config))
}

fn trust(
    builder: ConfigBuilder<ClientConfig, WantsVerifier>,
    options: &TlsOptions,
    provider: Arc<CryptoProvider>,
) -> Result<ConfigBuilder<ClientConfig, WantsClientCert>, BoxError> {
    if !options.is_verified {
        return Ok(builder.dangerous().with_custom_certificate_verifier(Arc::new(Anybody(provider))));
    }
    if let Some(path) = &options.ca_file {
        let mut roots = RootCertStore::empty();
        for certificate in read_certificates("ca_file", path)? {
            roots.add(certificate).map_err(|error| format!("ca_file {}: {error}", path.display()))?;
        }
        return Ok(builder.with_root_certificates(roots));
    }
    // Where that cannot be read, other roots would be trusted without a word.
    if let Some(path) = env::var_os("SSL_CERT_FILE").filter(|path| !path.is_empty()) {
        read_certificates("SSL_CERT_FILE", Path::new(&path))?;
    }
    Ok(builder.with_native_roots()?)
}

fn read_certificates(what: &str, path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let certificates = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| format!("{what} {} cannot be read: {error}", path.display()))?;
    if certificates.is_empty() {
        return Err(format!("{what} {} holds no PEM certificate", path.display()));
    }
    Ok(certificates)
}

/// Why TLS failed, in words that say what to do.
pub(crate) fn describe_failure(error: &(dyn Error + 'static), whom: &str) -> String {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<rustls::Error>() {
            return describe_rustls(error, whom);
        }
        // An I/O error does not name what it carries as its source.
        cause = match error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
            Some(inner) => Some(inner as &(dyn Error + 'static)),
            None => error.source(),
        };
    }
    format!("TLS with {whom} failed: {error}")
}

fn describe_rustls(error: &rustls::Error, whom: &str) -> String {
    let text = error.to_string();
    if text.contains(CA_AS_SERVER) {
        return format!(
            "{whom} shows the certificate of an authority: use one that it has signed, or make a \
             self-signed one with basicConstraints=CA:FALSE"
        );
    }
    match error {
        // Another root of the same name has another key.
        rustls::Error::InvalidCertificate(
            CertificateError::UnknownIssuer | CertificateError::BadSignature,
        ) => format!(
            "no trusted root vouches for the certificate of {whom} ({text}): name a file with its root, as \
             SSL_CERT_FILE or HyperTransport(ca_file=...)"
        ),
        rustls::Error::InvalidMessage(_) => {
            format!("{whom} does not speak TLS ({text}): is its URL an http:// one?")
        }
        _ => format!("TLS with {whom} failed: {text}"),
    }
}

/// Takes any certificate: the caller has said so.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

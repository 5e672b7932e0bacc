"""What holds for every test: property tests have no deadline, and Ctrl-C works in what is started."""

import signal
import ssl
from collections.abc import Iterator

import pytest
from hypothesis import settings

settings.register_profile("streamactions", deadline=None)
settings.load_profile("streamactions")

# A shell that runs this in the background has SIGINT ignored, and what the tests start would inherit
# that: Ctrl-C is one of the things that they test.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def context(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ssl.SSLContext]:
    """A server's TLS. A process loads the roots once, with its first request over TLS: so all share these."""
    from scripted_http2 import make_certificates

    folder = tmp_path_factory.mktemp("certificates")
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("SSL_CERT_FILE", str(folder / "root.pem"))
        yield make_certificates(folder)

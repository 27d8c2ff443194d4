//! Error answers (not 200): the daemon's own refusal, or that of a proxy in front of it.

use crate::engine::source::{ErrorKind, SourceError};

/// The maximum length of a quoted answer.
const QUOTE_MAX_CHARS: usize = 500;

/// The error for a refused request, given as `GET /path`, with the answer's message.
pub(super) fn error(status: u16, body: &[u8], request: &str) -> SourceError {
    let answer = RefusalMessage::of(body);
    let kind = kind(status, &answer, request);
    let message = match answer.text.as_str() {
        "" => format!("refused with status {status}"),
        text => format!("refused with status {status}: {text}"),
    };
    let hint = answer.wants_tls().then_some(
        "the daemon wants TLS: --tlsverify or DOCKER_TLS_VERIFY=1, with its authority's certificate in \
         --tlscacert or DOCKER_CERT_PATH",
    );
    SourceError { hint, ..SourceError::new(kind, message) }
}

fn kind(status: u16, answer: &RefusalMessage, request: &str) -> ErrorKind {
    let about_container = request.contains("/containers/") && !request.contains("/containers/json");
    let of_the_driver = answer.text.contains("does not support reading");
    match status {
        // dockerd answers 501, or 500 or 400 in some versions.
        400 if answer.wants_tls() => ErrorKind::Forbidden,
        400.. if of_the_driver => ErrorKind::Unreadable,
        404 if about_container && answer.is_about_a_container() => ErrorKind::Gone,
        409 if answer.text.contains("marked for removal") => ErrorKind::Gone,
        300..400 | 401 | 403 | 404 | 405 | 407 | 501 => ErrorKind::Forbidden,
        _ => ErrorKind::Refused,
    }
}

/// The message of a refusal.
struct RefusalMessage {
    text: String,
    /// The daemon's own errors: Docker and Podman send `{"message": "…"}`.
    is_the_daemons: bool,
}

impl RefusalMessage {
    /// The text of Go's HTTP server (net/http, `server.go`).
    fn wants_tls(&self) -> bool {
        self.text.contains("HTTP request to an HTTPS server")
    }

    fn of(body: &[u8]) -> Self {
        #[derive(serde::Deserialize)]
        struct Answer {
            message: String,
        }
        let (text, is_the_daemons) = match serde_json::from_slice::<Answer>(body) {
            Ok(answer) => (answer.message, true),
            Err(_) => (String::from_utf8_lossy(body).into_owned(), false),
        };
        // A proxy's page has several lines; one is enough.
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        Self { text: text.chars().take(QUOTE_MAX_CHARS).collect(), is_the_daemons }
    }

    /// Whether a container does not exist, as opposed to a path that the proxy does not allow.
    fn is_about_a_container(&self) -> bool {
        self.is_the_daemons && self.text.to_ascii_lowercase().contains("container")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_container_differs_from_a_forbidden_path() {
        let log = "GET /v1.41/containers/ab12/logs";
        let kind = |status, body: &str, request| error(status, body.as_bytes(), request).kind;
        let docker = r#"{"message":"No such container: ab12"}"#;
        let podman = r#"{"cause":"no such container","message":"no container with name or ID \"ab12\" found: no such container","response":404}"#;
        assert_eq!(kind(404, docker, log), ErrorKind::Gone);
        assert_eq!(kind(404, podman, log), ErrorKind::Gone);
        let page = "<html><body><h1>404 Not Found</h1>\r\n<hr>no such container\r\n</body></html>";
        for (status, body) in [
            (401, "Unauthorized"),
            (403, "<html>403 Forbidden</html>"),
            (404, page),
            (404, ""),
            (404, r#"{"message":"page not found"}"#),
            (405, r#"{"message":"method not allowed"}"#),
            (501, "Not Implemented"),
            (302, ""),
        ] {
            assert_eq!(kind(status, body, log), ErrorKind::Forbidden, "{status} {body}");
        }
        assert_eq!(kind(404, docker, "GET /containers/json"), ErrorKind::Forbidden);
        let removing =
            r#"{"message":"can not get logs from container which is dead or marked for removal"}"#;
        assert_eq!(kind(409, removing, log), ErrorKind::Gone);
        let unreadable = r#"{"message":"configured logging driver does not support reading"}"#;
        for status in [400, 500, 501] {
            assert_eq!(kind(status, unreadable, log), ErrorKind::Unreadable);
        }
        for status in [400, 409, 429, 500, 502, 503, 504] {
            assert_eq!(kind(status, "busy", log), ErrorKind::Refused);
        }
    }

    #[test]
    fn a_refusal_quotes_its_body_on_one_line() {
        let page = "<html>\r\n<h1>403 Forbidden</h1>\r\n</html>\r\n";
        let message = error(403, page.as_bytes(), "GET /info").message;
        assert_eq!(message, "refused with status 403: <html> <h1>403 Forbidden</h1> </html>");
        assert_eq!(error(403, b"", "GET /info").message, "refused with status 403");
        assert!(error(403, "x".repeat(9000).as_bytes(), "GET /info").message.len() < 600);
    }
}

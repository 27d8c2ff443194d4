//! The specification of a container, except its name.

use std::collections::BTreeMap;

/// How a container was created.
#[derive(Clone, Debug)]
pub(super) struct Spec {
    pub(super) tty: bool,
    /// The log driver.
    pub(super) driver: &'static str,
    /// Labels that the log driver stores with each message.
    pub(super) log_labels: &'static [&'static str],
    pub(super) image: &'static str,
    pub(super) command: &'static str,
    pub(super) labels: BTreeMap<String, String>,
}

impl Default for Spec {
    fn default() -> Self {
        Self {
            tty: false,
            driver: "json-file",
            log_labels: &[],
            image: "demo",
            command: "talk",
            labels: BTreeMap::new(),
        }
    }
}

impl Spec {
    pub(super) fn of(image: &'static str, command: &'static str) -> Self {
        Self { image, command, ..Self::default() }
    }

    pub(super) fn with_terminal(self) -> Self {
        Self { tty: true, ..self }
    }

    /// The text that `details` puts before a message: the stored labels, in the daemon's encoding.
    pub(super) fn details(&self) -> String {
        let pair = |key: &&str| {
            let value = self.labels.get(*key)?;
            Some(format!("{}={}", escape(key), escape(value)))
        };
        let pairs: Vec<String> = self.log_labels.iter().filter_map(pair).collect();
        pairs.join(",")
    }

    /// The specification with one more label.
    pub(super) fn label(mut self, key: &str, value: &str) -> Self {
        self.labels.insert(key.to_owned(), value.to_owned());
        self
    }

    /// The labels of Compose 2 for a service of the project `shop`.
    pub(super) fn service(self, name: &str, depends_on: &str) -> Self {
        let hash = format!(
            "{:064x}",
            name.bytes().fold(7_u64, |hash, byte| {
                hash.wrapping_mul(0x0100_0000_01b3) ^ u64::from(byte)
            })
        );
        let all = [
            ("project", "shop"),
            ("project.config_files", "/srv/shop/compose.yaml"),
            ("project.working_dir", "/srv/shop"),
            ("service", name),
            ("container-number", "1"),
            ("oneoff", "False"),
            ("depends_on", depends_on),
            ("config-hash", &hash),
            ("version", "2.24.5"),
        ];
        let add = |spec: Self, (key, value): (&str, &str)| {
            spec.label(&format!("com.docker.compose.{key}"), value)
        };
        all.into_iter().fold(self, add)
    }
}

/// As Go's `url.QueryEscape`.
fn escape(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    let escaped = |byte: u8| match byte {
        b' ' => "+".to_owned(),
        byte if plain(byte) => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(escaped).collect()
}

#[cfg(test)]
#[test]
fn details_are_encoded() {
    let spec = Spec { log_labels: &["a b", "none", "c"], ..Spec::default() };
    assert_eq!(
        spec.label("a b", "1,2").label("c", "é").label("d", "").details(),
        "a+b=1%2C2,c=%C3%A9"
    );
}

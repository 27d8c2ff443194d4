//! The contexts of the docker command, read from its files (docker/cli, `cli/context/store`):
//! `contexts/meta/HASH/meta.json`, and `contexts/tls/HASH/docker/{ca,cert,key}.pem`, in `$DOCKER_CONFIG` or
//! `~/.docker`. HASH is the SHA-256 of the name, which the file contains too.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::docker::tls::TlsFiles;

/// The name for no context.
pub(super) const DEFAULT_CONTEXT: &str = "default";

/// A context that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ContextError {
    /// There is no context of this name.
    #[error("there is no such context{}", known(.0))]
    Missing(Vec<String>),
    /// A file cannot be read.
    #[error("cannot read {}: {reason}", path.display())]
    File {
        /// Its path.
        path: PathBuf,
        /// The error.
        reason: String,
    },
    /// It has no endpoint for Docker, for example because it is for Kubernetes.
    #[error("it has no Docker endpoint")]
    NoEndpoint,
    /// It uses TLS without verification of the daemon's certificate.
    #[error("it skips the verification of the daemon's certificate, which cmon does not do")]
    Unverified,
}

fn known(names: &[String]) -> String {
    match names.is_empty() {
        true => String::new(),
        false => format!("; there are: default, {}", names.join(", ")),
    }
}

/// The endpoint of a context.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Context {
    pub(super) host: String,
    pub(super) tls: Option<TlsFiles>,
}

/// The docker command's configuration directory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contexts {
    dir: Option<PathBuf>,
}

#[derive(Deserialize)]
struct ConfigFile {
    #[serde(rename = "currentContext", default)]
    current_context: Option<String>,
}

#[derive(Deserialize)]
struct Meta {
    #[serde(rename = "Name")]
    name: String,
    #[serde(rename = "Endpoints", default)]
    endpoints: Endpoints,
}

#[derive(Default, Deserialize)]
struct Endpoints {
    docker: Option<DockerEndpoint>,
}

#[derive(Deserialize)]
struct DockerEndpoint {
    #[serde(rename = "Host", default)]
    host: String,
    #[serde(rename = "SkipTLSVerify", default)]
    skip_tls_verify: bool,
}

impl Contexts {
    /// The contexts below this directory; `None` if it has none.
    pub fn in_dir(dir: Option<PathBuf>) -> Self {
        Self { dir }
    }

    pub(super) fn dir(&self) -> Option<&Path> {
        self.dir.as_deref()
    }

    /// The context that `docker context use` has chosen.
    pub(super) fn current(&self) -> Result<Option<String>, ContextError> {
        let Some(path) = self.dir.as_ref().map(|dir| dir.join("config.json")) else {
            return Ok(None);
        };
        let config: Option<ConfigFile> = read_json(&path)?;
        Ok(config.and_then(|config| config.current_context).filter(|name| !name.is_empty()))
    }

    /// The names of all contexts with a readable file.
    pub fn names(&self) -> Vec<String> {
        let all = self.dir.as_ref().map(|dir| dir.join("contexts/meta"));
        let entries = all.iter().filter_map(|all| fs::read_dir(all).ok()).flatten().flatten();
        let name = |path: PathBuf| read_json::<Meta>(&path).ok().flatten().map(|meta| meta.name);
        let names = entries.filter_map(|entry| name(entry.path().join("meta.json")));
        names.chain([DEFAULT_CONTEXT.to_owned()]).collect()
    }

    /// The context of this name.
    pub(super) fn find(&self, name: &str) -> Result<Context, ContextError> {
        let mut names = Vec::new();
        let all = self.dir.as_ref().map(|dir| dir.join("contexts/meta"));
        let entries = all.iter().filter_map(|all| fs::read_dir(all).ok()).flatten().flatten();
        for entry in entries {
            let Some(meta) = read_json::<Meta>(&entry.path().join("meta.json"))? else {
                continue;
            };
            if meta.name != name {
                names.push(meta.name);
                continue;
            }
            let docker = meta.endpoints.docker.filter(|docker| !docker.host.is_empty());
            let docker = docker.ok_or(ContextError::NoEndpoint)?;
            if docker.skip_tls_verify {
                return Err(ContextError::Unverified);
            }
            let tls = self
                .dir
                .as_ref()
                .map(|dir| dir.join("contexts/tls").join(entry.file_name()).join("docker"));
            let tls = tls.filter(|dir| dir.is_dir());
            let tls = tls.map(|dir| TlsFiles { dir: Some(dir), ..TlsFiles::default() });
            return Ok(Context { host: docker.host, tls });
        }
        names.sort();
        Err(ContextError::Missing(names))
    }
}

/// `None` if there is no such file.
fn read_json<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<Option<T>, ContextError> {
    let bad = |reason: String| ContextError::File { path: path.to_owned(), reason };
    match fs::read(path) {
        Ok(bytes) => {
            serde_json::from_slice(&bytes).map(Some).map_err(|error| bad(error.to_string()))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(bad(error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(files: &[(&str, &str)]) -> (tempfile::TempDir, Contexts) {
        let dir = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let contexts = Contexts::in_dir(Some(dir.path().to_owned()));
        (dir, contexts)
    }

    const REMOTE: &str = r#"{"Name":"remote","Metadata":{"Description":"x"},
        "Endpoints":{"docker":{"Host":"tcp://h:2376","SkipTLSVerify":false}}}"#;

    #[test]
    fn a_context_has_an_address_and_certificates() {
        let (dir, contexts) = with(&[
            ("config.json", r#"{"auths":{},"currentContext":"remote"}"#),
            ("contexts/meta/aa/meta.json", REMOTE),
            (
                "contexts/meta/bb/meta.json",
                r#"{"Name":"plain","Endpoints":{"docker":{"Host":"ssh://b"}}}"#,
            ),
            ("contexts/tls/aa/docker/ca.pem", ""),
        ]);
        assert_eq!(contexts.current().unwrap().as_deref(), Some("remote"));
        let tls = Some(dir.path().join("contexts/tls/aa/docker"));
        let tls = Some(TlsFiles { dir: tls, ..TlsFiles::default() });
        let remote = Context { host: "tcp://h:2376".to_owned(), tls };
        assert_eq!(contexts.find("remote").unwrap(), remote);
        let plain = Context { host: "ssh://b".to_owned(), tls: None };
        assert_eq!(contexts.find("plain").unwrap(), plain);
    }

    #[test]
    fn an_unusable_context_is_reported_with_the_reason() {
        let (_dir, contexts) = with(&[
            ("contexts/meta/aa/meta.json", REMOTE),
            ("contexts/meta/bb/meta.json", r#"{"Name":"k8s","Endpoints":{"kubernetes":{}}}"#),
            (
                "contexts/meta/cc/meta.json",
                r#"{"Name":"lax","Endpoints":{"docker":{"Host":"tcp://h","SkipTLSVerify":true}}}"#,
            ),
        ]);
        let message = |name| contexts.find(name).unwrap_err().to_string();
        assert_eq!(message("x"), "there is no such context; there are: default, k8s, lax, remote");
        assert_eq!(message("k8s"), "it has no Docker endpoint");
        assert!(message("lax").contains("verification"));
        assert_eq!(contexts.current(), Ok(None));
        let (_dir, broken) = with(&[("config.json", "{"), ("contexts/meta/aa/meta.json", "[]")]);
        assert!(broken.current().unwrap_err().to_string().contains("config.json: "));
        assert!(broken.find("x").unwrap_err().to_string().contains("meta.json: "));
        assert_eq!(Contexts::default().current(), Ok(None));
        assert!(Contexts::default().find("x").is_err());
    }
}

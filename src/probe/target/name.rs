//! Derives a short name for each target, for the names of its metrics. Pure.

use std::collections::BTreeSet;

use super::given::{Kind, Target};
use crate::docker::endpoint::Address;
use crate::probe::metric::part_of_name;

/// Unique names in the order of targets: `web` for `container:web`, `pid12`, `collector` for
/// `http://collector.example:6060`, `port6060` for `http://127.0.0.1:6060`.
pub(crate) fn names(targets: &[Target]) -> Vec<String> {
    let mut taken = BTreeSet::new();
    targets
        .iter()
        .map(|target| {
            let base = base(target);
            let mut name = base.clone();
            for number in 2.. {
                if taken.insert(name.clone()) {
                    break;
                }
                name = format!("{base}-{number}");
            }
            name
        })
        .collect()
}

fn base(target: &Target) -> String {
    let name = match &target.kind {
        Kind::Pid(pid) => format!("pid{pid}"),
        Kind::Container(name) => name.clone(),
        Kind::Http(url) => match &url.address {
            Address::Unix(path) => {
                path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default()
            }
            Address::Tcp { host, port } => {
                let first = host.split('.').next().unwrap_or_default();
                let is_address = host.contains(':') || first.bytes().all(|b| b.is_ascii_digit());
                match is_address || host == "localhost" {
                    true => format!("port{port}"),
                    false => first.to_owned(),
                }
            }
        },
    };
    part_of_name(&name, "target")
}

//! interim
pub mod get;
pub mod json;
pub mod metrics;
pub mod pprof;
pub mod proc;

use super::record::*;
use crate::docker::Docker;
use crate::engine::registry::Registry;
use std::collections::BTreeMap;
use std::sync::Arc;

#[derive(Debug, Default)]
pub struct Sample {
    pub values: BTreeMap<String, f64>,
    pub cuts: Vec<Cut>,
    pub unavailable: Vec<Unavailable>,
    pub cycles: Option<f64>,
}
#[derive(Debug)]
pub struct Probes {
    pub docker: Option<Arc<Docker>>,
    pub registry: Registry,
}
impl Probes {
    pub async fn read(&mut self) -> Sample {
        let mut s = Sample::default();
        s.values.insert("own.tasks".into(), self.registry.live() as f64);
        if let Ok(d) = std::fs::metadata("/proc/self/fd") {
            use std::os::unix::fs::MetadataExt;
            s.values.insert("own.fds".into(), d.size() as f64);
        }
        if let Some(d) = &self.docker
            && let Ok(i) = d.api().info().await
        {
            if let Some(n) = i.goroutines {
                s.values.insert("daemon.goroutines".into(), n as f64);
            }
            if let Some(n) = i.descriptors {
                s.values.insert("daemon.fds".into(), n as f64);
            }
        }
        s
    }
    pub async fn groups(&mut self) -> Vec<Groups> {
        Vec::new()
    }
}

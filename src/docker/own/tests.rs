//! The kernel's texts in containers of several kinds, and the evidence in them.

use super::*;
use std::path::{Path, PathBuf};

use crate::engine::source::{ContainerId, DaemonId, Phase};
use crate::engine::source::{ContainerKey, Listed};

const OWN: &str = "4f1c0b8d3c9a5e7f60718293a4b5c6d7e8f90112233445566778899aabbccdde";
const OTHER: &str = "aa00bb11cc22dd33ee44ff5566778899aabbccddeeff00112233445566778899";

/// The mounts of a container of this id: its root, its files, the socket.
fn mounts(files: &str) -> String {
    format!(
        "610 540 0:52 / / rw,relatime master:1 - overlay overlay rw,lowerdir=/var/lib/docker/overlay2/l/A:\
         /var/lib/docker/overlay2/l/B,upperdir=/var/lib/docker/overlay2/{files}0/diff,workdir=/w\n\
         611 610 0:55 / /proc rw,nosuid - proc proc rw\n\
         620 610 254:1 {files}/resolv.conf /etc/resolv.conf rw,relatime - ext4 /dev/vda1 rw\n\
         621 610 254:1 {files}/hostname /etc/hostname rw,relatime - ext4 /dev/vda1 rw\n\
         622 610 254:1 {files}/hosts /etc/hosts rw,relatime - ext4 /dev/vda1 rw\n\
         623 610 0:24 /docker.sock /run/docker.sock rw,nosuid - tmpfs tmpfs rw,size=1g\n\
         624 610 0:24 /a\\040b /data\\040dir rw - tmpfs tmpfs rw\n"
    )
}

fn docker(id: &str) -> String {
    mounts(&format!("/var/lib/docker/containers/{id}"))
}

fn listed(ids: &[&str]) -> Vec<Listed> {
    let row = |id: &&str| Listed {
        key: ContainerKey { daemon: DaemonId::new("d"), id: ContainerId::new(id) },
        name: id[..4].into(),
        phase: Phase::Running,
        facts: std::sync::Arc::default(),
        passes: true,
    };
    ids.iter().map(row).collect()
}

/// The evidence for each of two containers.
fn found(mountinfo: &str, cgroup: &str, hostname: &str) -> Vec<(Evidence, String)> {
    let traces = Traces::of(mountinfo, cgroup, hostname);
    let candidates = traces.candidates(&listed(&[OTHER, OWN])).into_iter();
    candidates.map(|(evidence, key)| (evidence, key.id.as_str().to_owned())).collect()
}

#[test]
fn each_kind_of_container_is_found_by_its_kernel_traces() {
    use Evidence::{Cgroup, Files, Hostname};
    let own = |evidence| vec![(evidence, OWN.to_owned())];
    let short = format!("{}\n", &OWN[..12]);
    let v1 = format!(
        "12:memory:/docker/{OWN}\n11:cpu,cpuacct:/docker/{OWN}\n1:name=systemd:/docker/{OWN}\n0::/\n"
    );
    let systemd = format!("0::/system.slice/docker-{OWN}.scope\n");
    let podman = format!("0::/machine.slice/libpod-{OWN}.scope/container\n");
    let kubernetes = format!("11:pids:/kubepods/burstable/pod1234-5678/{OWN}\n");
    let cri = format!("0::/kubepods.slice/cri-containerd-{OWN}.scope\n");
    // cgroup v1, the systemd driver, Podman, Kubernetes: whatever the mounts and the hostname are.
    for cgroup in [&v1, &systemd, &podman, &kubernetes, &cri] {
        assert_eq!(found("", cgroup, "custom"), own(Cgroup), "{cgroup}");
    }
    // cgroup v2 with its own namespace shows nothing. The files do, with any --hostname, and with --network=host,
    // when the hostname is the host's.
    for hostname in [short.as_str(), "custom", "myhost.example.org", ""] {
        assert_eq!(found(&docker(OWN), "0::/\n", hostname), own(Files), "{hostname}");
    }
    let podman = mounts(&format!("/containers/storage/overlay-containers/{OWN}/userdata"));
    assert_eq!(found(&podman, "0::/\n", "custom"), own(Files));
    // --pid=host changes neither: /proc/self is still this process.
    assert_eq!(found(&docker(OWN), &v1, "custom"), own(Cgroup));
    // The files are hidden by other mounts: the hostname remains.
    assert_eq!(found("", "0::/\n", &short), own(Hostname));
}

#[test]
fn no_own_container_is_found_outside_of_one_or_below_one_of_another_daemon() {
    let host = format!(
        "25 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw\n\
         90 25 0:60 / /var/lib/docker/overlay2/x/merged rw - overlay overlay rw,upperdir=/u\n\
         91 25 254:1 /var/lib/docker/containers/{OTHER} /var/lib/docker/containers/{OTHER} rw - ext4 d rw\n"
    );
    let session = "0::/user.slice/user-0.slice/session-1.scope\n";
    assert_eq!(found(&host, session, "myhost"), []);
    assert_eq!(found("", "", ""), []);
    // Docker in Docker: the innermost container counts, and this daemon does not have it.
    let inner = "bb".repeat(32);
    let nested = format!("12:memory:/docker/{OWN}/docker/{inner}\n");
    assert_eq!(found(&docker(&inner), &nested, &inner[..12]), []);
    // A monitor, and names that only look like ids.
    let conmon = format!("0::/machine.slice/libpod-conmon-{OWN}.scope\n");
    assert_eq!(found("", &conmon, "myhost"), []);
    assert_eq!(found("", &format!("0::/docker/{}\n", &OWN[..63]), &OWN[..11]), []);
    assert_eq!(found("no mountinfo\n1 2\n - \n", ":::\nx\n", "x"), []);
}

#[test]
fn the_inspection_decides_which_container_is_our_own() {
    let socket = Some(Path::new("/run/docker.sock"));
    let identity = |upper: Option<&str>, destinations: &[&str]| Identity {
        running: true,
        hostname: OWN[..12].to_owned(),
        upper_dir: upper.map(str::to_owned),
        destinations: destinations.iter().map(PathBuf::from).collect(),
    };
    let traces = Traces::of(&docker(OWN), "", &OWN[..12]);
    let root = format!("/var/lib/docker/overlay2//var/lib/docker/containers/{OWN}0/diff");
    assert_eq!(traces.upper_dir.as_deref(), Some(root.as_str()));
    assert!(traces.mount_points.contains(Path::new("/data dir")));
    let fit = |evidence, other: &Identity| traces.fit(evidence, other, socket);
    let (files, hostname) = (Evidence::Files, Evidence::Hostname);
    assert!(fit(files, &identity(Some(&root), &[])));
    assert!(fit(files, &identity(Some(&format!("{OWN}0/diff")), &[])), "mounted by a short path");
    // With --network=container:OTHER, the files and the hostname are the other container's.
    assert!(!fit(files, &identity(Some("/var/lib/docker/overlay2/y/diff"), &["/run/docker.sock"])));
    assert!(!fit(hostname, &identity(Some("/var/lib/docker/overlay2/y/diff"), &[])));
    // If the daemon does not report the root (another storage driver), the socket decides.
    assert!(fit(files, &identity(None, &["/run/docker.sock"])));
    assert!(!fit(files, &identity(None, &["/data"])));
    let renamed = Identity { hostname: "other".into(), ..identity(None, &["/run/docker.sock"]) };
    assert!(fit(files, &renamed) && !fit(hostname, &renamed));
    let remote = |other: &Identity| traces.fit(hostname, other, None);
    assert!(remote(&identity(None, &[])), "reached by another way than a socket");
    // No process runs in a container that has ended.
    let ended = Identity { running: false, ..identity(Some(&root), &["/run/docker.sock"]) };
    assert!(![files, hostname, Evidence::Cgroup].iter().any(|evidence| fit(*evidence, &ended)));
    assert!(fit(Evidence::Cgroup, &identity(None, &[])));
}

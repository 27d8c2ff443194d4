//! Reads child processes and this process through `/proc`.

use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixListener;
use std::{fs, io};

use super::process::*;
use crate::probe::reasons::{ProcessError, ProcessPart};

/// A child process with known descriptors. Drop kills it.
struct Child(std::process::Child);

impl Child {
    fn start() -> Self {
        use std::io::{Read, Write};
        use std::process::{Command, Stdio};
        let piped = Stdio::piped;
        let mut command = Command::new("cat");
        command.stdin(piped()).stdout(piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        // Its output shows that it has executed `cat`.
        child.stdin.as_mut().unwrap().write_all(b"!").unwrap();
        child.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
        Self(child)
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn another_process_is_read() {
    let child = Child::start();
    let process = Process::of(child.0.id());
    let all = process.descriptors().unwrap();
    // It may have inherited more descriptors from the test runner.
    assert_eq!(process.count_fds(), Ok(all.len() as u64));
    let class = |number| all.iter().find(|fd| fd.fd == number).map(|fd| fd.class.as_str());
    assert_eq!([0, 1, 2].map(class), [Some("pipe"), Some("pipe"), Some("file /dev/null")]);
    let threads = process.threads().unwrap();
    assert_eq!((threads.len(), threads[0].name.as_str()), (1, "cat"));
    assert_eq!(process.status().unwrap().threads, 1);
    assert!(0 < process.status().unwrap().rss_bytes);
    assert_eq!(process.born().unwrap(), Born(threads[0].born));
}

#[test]
fn a_zombie_is_gone() {
    let mut child = Child::start();
    let pid = child.0.id();
    let process = Process::of(pid);
    child.0.kill().unwrap();
    // Waits until it has ended, without reaping it.
    let flags = rustix::process::WaitIdOptions::EXITED | rustix::process::WaitIdOptions::NOWAIT;
    let number = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    rustix::process::waitid(rustix::process::WaitId::Pid(number), flags).unwrap();
    assert_eq!(process.born(), Err(ProcessError::Gone { pid: pid.to_string() }));
    child.0.wait().unwrap();
    assert_eq!(process.count_fds(), Err(ProcessError::Gone { pid: pid.to_string() }));
    assert_eq!(
        ProcessError::Gone { pid: pid.to_string() }.to_string(),
        format!("process {pid} does not exist")
    );
}

#[test]
fn reading_descriptors_does_not_count_its_own() {
    let before = Process::own().descriptors().unwrap();
    let is_proc = |fd: &Descriptor| fd.class.contains("/proc/");
    assert!(!before.iter().any(is_proc), "{before:?}");
}

#[test]
fn a_socket_is_reported_by_its_state_and_name() {
    let dir = tempfile::tempdir().unwrap();
    let unix = UnixListener::bind(dir.path().join("docker.sock")).unwrap();
    let tcp = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let client = std::net::TcpStream::connect(tcp.local_addr().unwrap()).unwrap();
    let (server, _) = tcp.accept().unwrap();
    let class = |fd: i32| {
        let all = Process::own().descriptors().unwrap();
        let found = all.into_iter().find(|other| i32::try_from(other.fd) == Ok(fd)).unwrap();
        assert_ne!(found.inode, 0);
        found.class
    };
    assert_eq!(class(unix.as_raw_fd()), "socket unix docker.sock");
    assert_eq!(class(tcp.as_raw_fd()), "socket tcp LISTEN");
    assert_eq!(class(client.as_raw_fd()), "socket tcp ESTABLISHED");
    drop(server);
    assert_eq!(class(client.as_raw_fd()), "socket tcp CLOSE_WAIT");
}

#[test]
fn missing_permission_is_an_error() {
    let denied = ProcessError::Denied { pid: "1".to_owned(), part: ProcessPart::Descriptors };
    let error = io::Error::from(io::ErrorKind::PermissionDenied);
    assert_eq!(Process::of(1).failed(ProcessPart::Descriptors, &error), denied);
    assert_eq!(
        denied.to_string(),
        "not permitted to read the descriptors of process 1: run cmon as its user or as root"
    );
}

#[test]
fn the_inode_comes_from_fdinfo_before_the_file_system() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    for name in ["fd", "fdinfo"] {
        fs::create_dir(dir.path().join(name)).unwrap();
    }
    // The file does not exist, so `stat` would fail.
    std::os::unix::fs::symlink("/nowhere/log", dir.path().join("fd/7")).unwrap();
    fs::write(dir.path().join("fdinfo/7"), "pos:\t0\nflags:\t0100000\nmnt_id:\t24\nino:\t42\n")
        .unwrap();
    // An older Linux does not report the inode.
    std::os::unix::fs::symlink(&file, dir.path().join("fd/8")).unwrap();
    fs::write(dir.path().join("fdinfo/8"), "pos:\t0\nflags:\t0100000\nmnt_id:\t24\n").unwrap();
    let process = Process { dir: dir.path().to_owned(), own: false };
    let mut all = process.descriptors().unwrap();
    all.sort();
    let inodes: Vec<u64> = all.iter().map(|fd| fd.inode).collect();
    assert_eq!(inodes, [42, fs::metadata(&file).unwrap().ino()]);
}

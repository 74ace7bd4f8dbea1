//! The systemd unit and the image: that they can be read, and give no more rights than they say.

use std::{fs, process::Command};

use super::{read, root};

/// What the unit must say, so that nobody takes it away in passing.
const UNIT: &[(&str, &str)] = &[
    ("DynamicUser", "yes"),
    ("StateDirectoryMode", "0700"),
    ("UMask", "0077"),
    ("NoNewPrivileges", "yes"),
    ("CapabilityBoundingSet", ""),
    ("AmbientCapabilities", ""),
    ("ProtectSystem", "strict"),
    ("ProtectHome", "yes"),
    ("PrivateTmp", "yes"),
    ("PrivateDevices", "yes"),
    ("PrivateUsers", "yes"),
    ("ProtectKernelTunables", "yes"),
    ("ProtectKernelModules", "yes"),
    ("ProtectControlGroups", "yes"),
    ("RestrictNamespaces", "yes"),
    ("RestrictSUIDSGID", "yes"),
    ("MemoryDenyWriteExecute", "yes"),
    ("SystemCallArchitectures", "native"),
    // Without `seccomp` the processes of scripts could not confine themselves, and would not say so.
    ("SystemCallFilter", "@system-service seccomp"),
    ("LoadCredential", "master.key:/etc/doorward/master.key"),
    ("EnvironmentFile", "-/etc/doorward/environment"),
];

#[test]
fn the_unit_gives_no_more_rights_than_needed() {
    let text = read("config/doorward.service");
    let mut section = "";
    let mut settings = Vec::new();
    for line in text.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#')) {
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            section = name;
            continue;
        }
        let (name, value) = line.split_once('=').unwrap_or_else(|| panic!("{line}"));
        assert!(["Unit", "Service", "Install"].contains(&section), "{line} in [{section}]");
        settings.push((name, value));
    }
    for wanted in UNIT {
        assert!(settings.contains(wanted), "{}={} is missing", wanted.0, wanted.1);
    }
    let of = |wanted: &str| settings.iter().find(|(name, _)| *name == wanted).unwrap().1;
    assert!(of("ExecStart").starts_with("/usr/local/bin/doorward serve "), "{}", of("ExecStart"));
    assert!(
        !settings.iter().any(|(name, _)| *name == "User"),
        "the user exists only while it runs"
    );
    // Running requests may take as long as the configuration says before they are ended.
    let example: toml::Table = read("config/example.toml").parse().unwrap();
    let patience: i64 = of("TimeoutStopSec").parse().unwrap();
    let seconds = |name: &str| example["server"][name].as_integer().unwrap();
    assert!(patience > seconds("drain_delay") + seconds("shutdown_timeout"));
}

/// Where systemd is installed, it reads the unit itself.
#[test]
fn systemd_takes_the_unit() {
    let folder = tempfile::tempdir().unwrap();
    let unit = folder.path().join("doorward.service");
    let text = read("config/doorward.service")
        .replace("/usr/local/bin/doorward", env!("CARGO_BIN_EXE_doorward"));
    fs::write(&unit, text).unwrap();
    let verify = Command::new("systemd-analyze").args(["verify", "--man=no"]).arg(&unit).output();
    let Ok(verify) = verify else { return };
    let said = String::from_utf8_lossy(&verify.stderr);
    assert!(verify.status.success() && !said.contains("doorward.service"), "{said}");
}

#[test]
fn the_image_is_small_and_runs_as_nobody() {
    let text = read("Dockerfile");
    let instructions: Vec<_> = text
        .lines()
        .filter(|line| !line.starts_with([' ', '#']) && !line.is_empty())
        .filter_map(|line| line.split_once(' '))
        .collect();
    let last = instructions.iter().rposition(|(name, _)| *name == "FROM").unwrap();
    let image = &instructions[last + 1..];
    let of = |wanted: &str| {
        let found = image.iter().find(|(name, _)| *name == wanted);
        found.unwrap_or_else(|| panic!("no {wanted}")).1
    };
    let user = of("USER").split(':').next().unwrap();
    assert!(user.parse::<u32>().is_ok_and(|user| user >= 1000), "{user}: a number, and not root");
    assert!(!image.iter().any(|(name, _)| *name == "RUN"), "there is no shell to run anything");
    for name in ["ENTRYPOINT", "CMD"] {
        assert!(of(name).starts_with('['), "{name} is run without a shell");
    }
    assert!(of("HEALTHCHECK").contains("CMD [\""), "without a shell");
    let base = text.lines().filter(|line| line.starts_with("ARG ") && line.contains("_IMAGE="));
    for line in base {
        let (_, name) = line.split_once('=').unwrap();
        let tag = name.rsplit('/').next().unwrap();
        assert!(tag.contains([':', '-']) && !tag.ends_with(":latest"), "{line}: which one?");
    }
    // Secrets come at run time, and never into a layer.
    for secret in ["MASTER_KEY", "SECRET", "PASSWORD", "DATABASE_URL="] {
        assert!(!image.iter().any(|(_, value)| value.contains(secret)), "{secret}");
    }
    // What is copied must be there, though nearly everything is left out.
    let ignored = read(".dockerignore");
    for needed in
        ["Cargo.toml", "Cargo.lock", "src", "migrations", "config", "docs/sbom.cdx.json", "LICENSE"]
    {
        assert!(ignored.lines().any(|line| line == format!("!{needed}")), "{needed}");
        assert!(root().join(needed).exists(), "{needed}");
    }
}

//! The bill of materials, `docs/sbom.cdx.json`: CycloneDX 1.6, with every crate that is in the server
//! or builds it. It has no time and no number of its own, so that the same sources give the same
//! bytes.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{Package, packages, read, tree};
use crate::support::recorded;

fn reference(package: &Package) -> String {
    let Package { name, version, .. } = package;
    format!("pkg:cargo/{name}@{}", version.replace('+', "%2B"))
}

/// SHA-256 of the files of each crate, as `Cargo.lock` has them.
fn checksums() -> BTreeMap<(String, String), String> {
    let lock: toml::Table = read("Cargo.lock").parse().unwrap();
    let text = |package: &toml::Value, name: &str| {
        package.get(name).and_then(toml::Value::as_str).unwrap_or("").to_owned()
    };
    let packages = lock["package"].as_array().unwrap().iter();
    packages.map(|p| ((text(p, "name"), text(p, "version")), text(p, "checksum"))).collect()
}

fn bill() -> Value {
    let (checksums, shipped) = (checksums(), packages("normal"));
    let components: Vec<_> = packages("normal,build")
        .iter()
        .map(|package| {
            let Package { name, version, license } = package;
            // What only builds the server is not in it.
            let scope = if shipped.contains(package) { "required" } else { "excluded" };
            let sha256 = &checksums[&(name.clone(), version.clone())];
            json!({
                "type": "library",
                "bom-ref": reference(package),
                "name": name,
                "version": version,
                "scope": scope,
                "hashes": [{ "alg": "SHA-256", "content": sha256 }],
                "licenses": [{ "expression": license }],
                "purl": reference(package),
            })
        })
        .collect();
    let mut needs: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut above: Vec<String> = Vec::new();
    for (depth, package) in tree("normal,build") {
        above.truncate(depth);
        let this = reference(&package);
        needs.entry(this.clone()).or_default();
        if let Some(parent) = above.last() {
            needs.entry(parent.clone()).or_default().insert(this.clone());
        }
        above.push(this);
    }
    let dependencies: Vec<_> =
        needs.iter().map(|(this, needs)| json!({ "ref": this, "dependsOn": needs })).collect();
    let (_, server) = tree("normal").into_iter().next().unwrap();
    json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": { "component": {
            "type": "application",
            "bom-ref": reference(&server),
            "name": server.name,
            "version": server.version,
            "licenses": [{ "expression": server.license }],
            "purl": reference(&server),
        } },
        "components": components,
        "dependencies": dependencies,
    })
}

#[test]
fn the_bill_of_materials_is_that_of_the_lock_file() {
    // A line for each component and each list of dependencies: a change is easy to review.
    let bill = bill();
    let mut lines = Vec::new();
    for (name, value) in bill.as_object().unwrap() {
        let text = match value {
            Value::Array(items) => {
                let items: Vec<_> = items.iter().map(|item| format!("  {item}")).collect();
                format!("[\n{}\n ]", items.join(",\n"))
            }
            value => value.to_string(),
        };
        lines.push(format!(" {}: {text}", json!(name)));
    }
    recorded::compare("docs/sbom.cdx.json", &format!("{{\n{}\n}}\n", lines.join(",\n")));
}

#[test]
fn the_bill_of_materials_is_whole() {
    let kept: Value = serde_json::from_str(&read("docs/sbom.cdx.json")).unwrap();
    assert_eq!((&kept["bomFormat"], &kept["specVersion"]), (&json!("CycloneDX"), &json!("1.6")));
    let names = |list: &Value, member: &str| -> BTreeSet<String> {
        let items = list.as_array().unwrap().iter();
        items.map(|item| item[member].as_str().unwrap().to_owned()).collect()
    };
    let components = kept["components"].as_array().unwrap();
    let known = names(&kept["components"], "bom-ref");
    assert_eq!(known.len(), components.len(), "each is there once");
    let lock: toml::Table = read("Cargo.lock").parse().unwrap();
    let locked: BTreeSet<_> = lock["package"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| (p["name"].as_str().unwrap(), p["version"].as_str().unwrap()))
        .collect();
    for component in components {
        let text = |member: &str| component[member].as_str().unwrap_or("");
        assert!(locked.contains(&(text("name"), text("version"))), "{component} is not locked");
        let hash = component["hashes"][0]["content"].as_str().unwrap_or("");
        assert!(hash.len() == 64 && hash.bytes().all(|b| b.is_ascii_hexdigit()), "{component}");
        assert!(text("purl").starts_with("pkg:cargo/"), "{component}");
        assert!(["required", "excluded"].contains(&text("scope")), "{component}");
    }
    let server = kept["metadata"]["component"]["bom-ref"].as_str().unwrap().to_owned();
    for dependency in kept["dependencies"].as_array().unwrap() {
        let this = dependency["ref"].as_str().unwrap();
        assert!(known.contains(this) || this == server, "{this}");
        let needs = dependency["dependsOn"].as_array().unwrap();
        assert!(needs.iter().all(|need| known.contains(need.as_str().unwrap())), "{dependency}");
    }
    // The crates with foreign code, of which advisories are heard first.
    for name in ["aws-lc-sys", "libsqlite3-sys", "rquickjs-sys", "tikv-jemalloc-sys", "rustls"] {
        assert!(components.iter().any(|c| c["name"] == name), "{name} is missing");
    }
}

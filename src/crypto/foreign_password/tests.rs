use serde_json::{Value, json};

use super::*;

fn read(described: Value) -> ForeignPassword {
    let password = ForeignPassword::custom(&described);
    let password = password.unwrap_or_else(|why| panic!("{described}: {why:?}"));
    let stored = password.to_stored();
    assert!(ForeignPassword::is_stored(&stored));
    assert_eq!(ForeignPassword::from_stored(&stored), Some(password.clone()), "{stored}");
    password
}

/// Hashes with their passwords: of RFC 1320, 1321, 2202, 2286, 6070 and 7914, of the ISO's
/// Whirlpool, of crypt_blowfish and of the argon2 reference implementation, of Auth0's
/// documentation, and of Python's hashlib.
#[rustfmt::skip]
fn vectors() -> Vec<(&'static str, Value)> {
    let hashed = |algorithm: &str, encoding: &str, value: &str| json!({
        "algorithm": algorithm, "hash": { "encoding": encoding, "value": value },
    });
    let with = |mut described: Value, more: Value| {
        for (name, value) in more.as_object().unwrap() {
            described[name] = value.clone();
        }
        described
    };
    let hmac = |digest: &str, encoding: &str, value: &str, key: Value| json!({
        "algorithm": "hmac",
        "hash": { "encoding": encoding, "value": value, "digest": digest, "key": key },
    });
    let plain = |algorithm: &str, value: &str| json!({ "algorithm": algorithm, "hash": { "value": value } });
    vec![
        ("abc", hashed("md4", "hex", "a448017aaf21d8525fc10ae87aa6729d")),
        ("abc", hashed("md5", "hex", "900150983CD24FB0D6963F7D28E17F72")),
        ("abc", hashed("md5", "base64", "kAFQmDzST7DWlj99KOF/cg==")),
        ("abc", hashed("sha1", "hex", "a9993e364706816aba3e25717850c26c9cd0d89d")),
        ("hello", with(hashed("sha256", "hex", "9972b132a172be00b57558c5c49ae78854f53d86cc03b0aed888a853e65a3d17"), json!({"salt": {"value": "abc123", "position": "prefix"}}))),
        ("password", with(hashed("sha512", "base64", "xIOPqysdj_nkr0ZENjzrbVNlyGqpMsFCTV6ueOI41qZK085p5tS5hpCWV0-qh5VMhBgBuTVEL8axJUSWiPIAlA"), json!({"salt": {"value": "CAFE", "encoding": "hex", "position": "suffix"}}))),
        ("pässword", with(hashed("sha256", "hex", "906ebbec35d7aba42e51fd22d5f08d21499371893451c186dc153594e1250e2e"), json!({"password": {"encoding": "utf16le"}}))),
        ("pässword", with(hashed("sha256", "hex", "906ebbec35d7aba42e51fd22d5f08d21499371893451c186dc153594e1250e2e"), json!({"password": {"encoding": "ucs2"}}))),
        ("pässword", with(hashed("sha256", "hex", "fe699eee1c6a654b6699f92e2d5e06a00e220b91495190eceac3eff8140f2986"), json!({"password": {"encoding": "latin1"}}))),
        ("what do ya want for nothing?", hmac("md5", "hex", "750c783e6ab0b503eaa86e310a5db738", json!({"value": "Jefe"}))),
        ("what do ya want for nothing?", hmac("ripemd160", "hex", "dda6c0213a485a9e24f4742064a7f033b43c4069", json!({"value": "4a656665", "encoding": "hex"}))),
        ("test", hmac("sha1", "base64", "cg7f42jH39/2EaAU4wNd4s2lKIk=", json!({"value": "736868", "encoding": "hex"}))),
        ("abc", plain("ldap", "{WHIRLPOOL}TiRIpMb0hrsWtlYsc7QCC/MEPjpzG85yGuGzA9l+bUxxge69tsV+J30ONJVxFMvWx5f8nZXYtYLSJSkgdtTu9Q==")),
        ("correct horse", plain("ldap", "{SSHA}5pcxo13YdJml98eQSIlT3FMEBMMBAgME")),
        ("correct horse", plain("ldap", "{MD5}PLTnMmMfR+brlh80VUt83g==")),
        ("password", plain("pbkdf2", "$pbkdf2-sha1$i=4096,l=20$c2FsdA$SwB5AbdlSJq+rUnZJvch0GWkKcE")),
        ("password", plain("pbkdf2", "$pbkdf2-RSA-SHA1-2$i=4096$c2FsdA$SwB5AbdlSJq+rUnZJvch0GWkKcE")),
        ("password", plain("pbkdf2", "$pbkdf2-sha512$c2FsdA$9dFwIslq9GwKHcSaWLvmVKKOmBBIg+SvTel0zaLHQSLdCC9BBak/yAaSyk6xp4TP7agb+qM/UZLMkUPYGL11gQ")),
        ("password", plain("pbkdf2", "$pbkdf2-md5WithRSAEncryption$l=40,i=1000$c2FsdA$jRiZRqMtiDYioWrhivBjL1eR1eexq7CrF1fSjONAVhQDNRBZlElfkQ")),
        ("password", with(hashed("scrypt", "hex", "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b3731622eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d8360cbdfa2cc0640"), json!({"salt": {"value": "NaCl"}, "keylen": 64, "cost": 1024, "parallelization": 16}))),
        ("password", with(hashed("scrypt", "hex", "097f6197e1b41538f723e32aa7a68e8d76227d8e432ce5faa4882a913032db29"), json!({"salt": {"value": "abc123", "encoding": "utf8"}, "keylen": 32, "cost": 4096}))),
        ("U*U", plain("bcrypt", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW")),
        ("U*U", plain("bcrypt", "$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW")),
        ("*U", with(plain("bcrypt", "$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"), json!({"salt": {"value": "U"}}))),
        ("hello", plain("bcrypt", "$2b$10$nFguVi9LsCAcvTZFKQlRKeLVydo8ETv483lkNsSFI/Wl1Rz1Ypo1K")),
        ("password", plain("argon2", "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc")),
    ]
}

#[test]
fn hashes_of_other_programs_fit_their_password_and_no_other() {
    let mut memory = Vec::new();
    for (password, described) in vectors() {
        let foreign = read(described.clone());
        assert!(foreign.verify(password, &mut memory), "{described}");
        assert!(!foreign.verify(&format!("{password}x"), &mut memory), "{described}");
        assert!(!foreign.verify("", &mut memory), "{described}");
    }
    assert!(memory.len() <= password::BLOCKS, "what is lent does not grow");
}

#[test]
fn a_password_that_the_encoding_cannot_write_is_wrong() {
    let described = json!({
        "algorithm": "md5", "password": { "encoding": "ascii" },
        "hash": { "encoding": "hex", "value": "900150983cd24fb0d6963f7d28e17f72" },
    });
    let foreign = read(described);
    assert!(foreign.verify("abc", &mut Vec::new()));
    assert!(!foreign.verify("ábc", &mut Vec::new()));
}

#[test]
#[rustfmt::skip]
fn what_cannot_be_verified_or_costs_too_much_is_refused_by_name() {
    let md5 = "900150983cd24fb0d6963f7d28e17f72";
    let bcrypt = |hash: &str| json!({ "algorithm": "bcrypt", "hash": { "value": hash } });
    let pbkdf2 = |hash: &str| json!({ "algorithm": "pbkdf2", "hash": { "value": hash } });
    let argon2 = |params: &str| json!({ "algorithm": "argon2", "hash": { "value":
        format!("$argon2id$v=19${params}$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc") } });
    let scrypt = |cost: u64, r: u32, p: u32| json!({
        "algorithm": "scrypt", "hash": { "encoding": "hex", "value": md5 },
        "keylen": 16, "cost": cost, "blockSize": r, "parallelization": p,
    });
    for (described, path, what) in [
        (json!({"algorithm": "sha3", "hash": {"value": "x"}}), "algorithm", "sha3"),
        (json!({"algorithm": "md5"}), "", "described"),
        (json!({"algorithm": "md5", "hash": {"value": md5}}), "hash.encoding", "hex or base64"),
        (json!({"algorithm": "md5", "hash": {"value": md5, "encoding": "utf8"}}), "hash.encoding", "hex or base64"),
        (json!({"algorithm": "md5", "hash": {"value": "zz", "encoding": "hex"}}), "hash.value", "encoding"),
        (json!({"algorithm": "md5", "hash": {"value": "abc", "encoding": "hex"}}), "hash.value", "encoding"),
        (json!({"algorithm": "md5", "hash": {"value": "ab", "encoding": "hex"}}), "hash.value", "16 bytes"),
        (json!({"algorithm": "md5", "hash": {"value": md5, "encoding": "hex"}, "salt": {"value": "x", "encoding": "hex"}}), "salt.value", "encoding"),
        (json!({"algorithm": "hmac", "hash": {"value": md5, "encoding": "hex", "key": {"value": "k"}}}), "hash.digest", "required"),
        (json!({"algorithm": "hmac", "hash": {"value": md5, "encoding": "hex", "digest": "md5"}}), "hash.key", "required"),
        (json!({"algorithm": "hmac", "hash": {"value": md5, "encoding": "hex", "digest": "mdc2", "key": {"value": "k"}}}), "hash.digest", "mdc2"),
        (bcrypt("$2x$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"), "hash.value", "$2a$"),
        (bcrypt("$2a$16$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"), "hash.value", "cost"),
        (bcrypt("$2a$31$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"), "hash.value", "cost"),
        (bcrypt("$2a$05$short"), "hash.value", "not a bcrypt hash"),
        (json!({"algorithm": "bcrypt", "hash": {"value": "$2a$05$", "encoding": "hex"}}), "hash.encoding", "utf8"),
        (argon2("m=1048576,t=1,p=1"), "hash.value", "too high"),
        (argon2("m=65536,t=1000,p=1"), "hash.value", "too high"),
        (argon2("m=65536,t=1,p=64"), "hash.value", "too high"),
        (argon2("m=1,t=1,p=1"), "hash.value", "PHC"),
        (json!({"algorithm": "argon2", "hash": {"value": "x"}}), "hash.value", "PHC"),
        (json!({"algorithm": "argon2", "hash": {"value": "x"}, "salt": {"value": "s"}}), "salt", "not allowed"),
        (pbkdf2("$pbkdf2-sha512$i=4000001,l=3$c2FsdA$AAAA"), "hash.value", "Iterations"),
        (pbkdf2("$pbkdf2-md5$i=4000000,l=18$c2FsdA$AAAAAAAAAAAAAAAAAAAAAAAA"), "hash.value", "Iterations"),
        (pbkdf2("$pbkdf2-sha1$i=0,l=3$c2FsdA$AAAA"), "hash.value", "Iterations"),
        (pbkdf2("$pbkdf2-sha1$i=9,l=4$c2FsdA$AAAA"), "hash.value", "length"),
        (pbkdf2("$pbkdf2-mdc2$i=9$c2FsdA$AAAA"), "hash.value", "mdc2"),
        (pbkdf2("$pbkdf2-sha1$9$c2FsdA$AAAA"), "hash.value", "PHC"),
        (pbkdf2("nothing"), "hash.value", "PHC"),
        (json!({"algorithm": "ldap", "hash": {"value": "{CRYPT}abc"}}), "hash.value", "crypt"),
        (json!({"algorithm": "ldap", "hash": {"value": "{SHA}AAAA"}}), "hash.value", "20 bytes"),
        (json!({"algorithm": "ldap", "hash": {"value": "secret"}}), "hash.value", "braces"),
        (scrypt(1000, 8, 1), "cost", "power of two"),
        (scrypt(1 << 20, 8, 1), "cost", "too high"),
        (scrypt(2, 1, u32::MAX), "cost", "too high"),
        (scrypt(2, u32::MAX, 1), "cost", "too high"),
        (scrypt(1 << 14, 8, 1000), "cost", "too high"),
        (scrypt(1 << 40, 8, 1), "cost", "too high"),
        (scrypt(16, 0, 1), "cost", "not valid"),
        (json!({"algorithm": "scrypt", "hash": {"value": md5, "encoding": "hex"}}), "keylen", "required"),
        (json!({"algorithm": "scrypt", "hash": {"value": md5, "encoding": "hex"}, "keylen": 8}), "keylen", "length"),
    ] {
        let refused = ForeignPassword::custom(&described).expect_err(&described.to_string());
        assert_eq!(refused.path, path, "{described}: {}", refused.what);
        assert!(refused.what.contains(what), "{described}: {}", refused.what);
    }
}

#[test]
fn what_the_store_keeps_of_others_is_no_foreign_hash() {
    for text in ["", "$argon2id$v=19$x", "foreign:", "foreign:{}", "{}"] {
        assert_eq!(ForeignPassword::from_stored(text), None, "{text}");
    }
}

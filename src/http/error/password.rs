//! Passwords that may not be chosen, as Auth0 tells of them: which rules there are, and which of them
//! the password keeps.

use serde_json::{Value, json};

use crate::domain::{
    connection::{Options, PasswordPolicy},
    secret::Password,
};
use crate::policy::new_password::{self, CharacterKind, Problem};

/// Name and message of the error.
pub fn words(problem: Problem) -> (&'static str, &'static str) {
    match problem {
        Problem::TooShort | Problem::Weak | Problem::Kinds => {
            ("PasswordStrengthError", "Password is too weak")
        }
        Problem::TooLong => ("PasswordStrengthError", "Password is too long"),
        Problem::Personal => ("PasswordNoUserInfoError", "Password contains user information"),
        Problem::Common => ("PasswordDictionaryError", "Password is too common"),
    }
}

/// The body of `/dbconnections/signup`; `policy` is what Auth0's login pages show.
pub fn refused_password(problem: Problem, password: &Password, options: &Options) -> Value {
    let (name, message) = words(problem);
    let rules = rules(password.expose(), problem, options);
    let policy: Vec<String> = rules.iter().flat_map(lines).collect();
    let description = match problem {
        Problem::TooShort | Problem::Weak | Problem::Kinds => {
            json!({ "rules": rules, "verified": false })
        }
        _ => json!(message),
    };
    json!({
        "name": name, "code": "invalid_password", "message": message,
        "description": description, "policy": policy.join("\n"), "statusCode": 400,
    })
}

fn rules(text: &str, problem: Problem, options: &Options) -> Vec<Value> {
    let shortest = new_password::shortest(options);
    let mut rules = vec![json!({
        "message": "At least %d characters in length", "format": [shortest],
        "code": "lengthAtLeast", "verified": text.chars().count() >= shortest,
    })];
    let Some(policy) = options.password_policy else {
        rules.push(json!({
            "message": "Not easy to guess", "code": "notGuessable",
            // Whoever types too little is told of that first.
            "verified": !matches!(problem, Problem::TooShort | Problem::Weak),
        }));
        return rules;
    };
    if let Some((least, kinds)) = new_password::kinds(policy) {
        let items: Vec<Value> = kinds.iter().map(|kind| item(*kind, text)).collect();
        let kept = kinds.iter().filter(|kind| kind.is_in(text)).count() >= least;
        rules.push(if least == kinds.len() {
            json!({
                "message": "Should contain:", "code": "shouldContain", "items": items,
                "verified": kept,
            })
        } else {
            json!({
                "message": "At least %d of the following %d types of characters:",
                "format": [least, kinds.len()], "code": "containsAtLeast", "items": items,
                "verified": kept,
            })
        });
    }
    if policy == PasswordPolicy::Excellent {
        rules.push(json!({
            "message": "No more than %d identical characters in a row (e.g., \"%s\" not allowed)",
            "format": [new_password::IDENTICAL, "aaa"], "code": "identicalChars",
            "verified": new_password::is_varied(text),
        }));
    }
    rules
}

fn item(kind: CharacterKind, text: &str) -> Value {
    let (message, code) = match kind {
        CharacterKind::Lower => ("lower case letters (a-z)", "lowerCase"),
        CharacterKind::Upper => ("upper case letters (A-Z)", "upperCase"),
        CharacterKind::Digit => ("numbers (i.e. 0-9)", "numbers"),
        CharacterKind::Special => ("special characters (e.g. !@#$%^&*)", "specialCharacters"),
    };
    json!({ "message": message, "code": code, "verified": kind.is_in(text) })
}

/// A rule in words, and under it its items.
fn lines(rule: &Value) -> Vec<String> {
    let message = |rule: &Value| rule["message"].as_str().unwrap_or_default().to_owned();
    let mut text = message(rule);
    for value in rule["format"].as_array().into_iter().flatten() {
        let word = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let placeholder = if value.is_string() { "%s" } else { "%d" };
        text = text.replacen(placeholder, &word, 1);
    }
    let items = rule["items"].as_array().into_iter().flatten();
    let items = items.map(|item| format!("  * {}", message(item)));
    std::iter::once(format!("* {text}")).chain(items).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(options: Value, password: &str) -> Value {
        let options: Options = serde_json::from_value(options).unwrap();
        let password = Password::new(password);
        let personal = ["ada@example.com"];
        let problem = new_password::check(&password, &personal, &options).unwrap_err();
        refused_password(problem, &password, &options)
    }

    #[test]
    fn each_refusal_has_its_name() {
        for (options, password, name, message) in [
            (json!({}), "short", "PasswordStrengthError", "Password is too weak"),
            (json!({}), "password", "PasswordStrengthError", "Password is too weak"),
            (
                json!({}),
                "ada@example.com",
                "PasswordNoUserInfoError",
                "Password contains user information",
            ),
            (
                json!({ "passwordPolicy": "good" }),
                "aaaaaaaa",
                "PasswordStrengthError",
                "Password is too weak",
            ),
            (
                json!({ "passwordPolicy": "low", "password_dictionary": { "enable": true } }),
                "password",
                "PasswordDictionaryError",
                "Password is too common",
            ),
        ] {
            let body = body(options, password);
            assert_eq!((&body["name"], &body["message"]), (&json!(name), &json!(message)));
            assert_eq!(
                (&body["code"], &body["statusCode"]),
                (&json!("invalid_password"), &json!(400))
            );
        }
        let long = body(json!({}), &"x".repeat(2000));
        assert_eq!(long["description"], "Password is too long");
    }

    #[test]
    fn the_rules_say_which_of_them_are_kept() {
        let body = body(json!({ "passwordPolicy": "excellent" }), "aaabbbCCC");
        assert_eq!(
            body["policy"],
            "* At least 10 characters in length\n\
             * At least 3 of the following 4 types of characters:\n  \
             * lower case letters (a-z)\n  * upper case letters (A-Z)\n  * numbers (i.e. 0-9)\n  \
             * special characters (e.g. !@#$%^&*)\n\
             * No more than 2 identical characters in a row (e.g., \"aaa\" not allowed)"
        );
        let rules = body["description"]["rules"].as_array().unwrap();
        let kept: Vec<_> = rules.iter().map(|rule| rule["verified"].clone()).collect();
        assert_eq!(kept, [false, false, false]);
        let items = rules[1]["items"].as_array().unwrap();
        let kept: Vec<_> = items.iter().map(|item| item["verified"].as_bool().unwrap()).collect();
        assert_eq!(kept, [true, true, false, false]);
    }
}

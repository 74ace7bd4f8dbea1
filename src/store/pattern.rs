//! Patterns for `LIKE … ESCAPE '!'`, in which nothing that somebody typed is a wildcard.

fn escaped(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '%' | '_' | '!') {
            pattern.push('!');
        }
        pattern.push(c);
    }
    pattern
}

/// What contains `part`; for a column that is kept in lower case.
pub(super) fn containing(part: &str) -> String {
    format!("%{}%", escaped(&part.to_lowercase()))
}

/// What begins with `start`.
pub(super) fn beginning(start: &str) -> String {
    format!("{}%", escaped(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_stand_for_themselves() {
        assert_eq!(containing("A_b%c!"), "%a!_b!%c!!%");
        assert_eq!(beginning("A_b"), "A!_b%");
    }
}

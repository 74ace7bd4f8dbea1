//! The query syntax of `q`: the part of Lucene's that Auth0 documents. What the fields mean is the
//! caller's business.
//!
//! `NOT` binds closest, then `AND`, then `OR`. Terms without an operator between them are
//! alternatives, unless marked: `+` is required, `-` and `NOT` exclude.

use std::str::Chars;

/// Most bytes of a query.
pub const MAX_LENGTH: usize = 8192;
/// Most terms.
pub const MAX_TERMS: usize = 200;
/// Most levels of parentheses.
const MAX_DEPTH: usize = 10;
/// What a term must escape with a backslash to have it.
const SPECIAL: &str = "()[]{}\"^~";

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Query {
    /// All of these; of none: everything.
    All(Vec<Query>),
    /// Any of these.
    Any(Vec<Query>),
    /// The opposite.
    Not(Box<Query>),
    /// A term; `None` where no field was named.
    Term(Option<String>, Value),
}

/// What a field should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// This.
    Is(String),
    /// These pieces, with anything in between; two at least.
    Pieces(Vec<String>),
    /// Between these; `None` is without end.
    Between(Option<Edge>, Option<Edge>),
    /// Anything, but there.
    Exists,
}

/// An end of a range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edge {
    /// As written.
    pub text: String,
    /// Whether it belongs to the range.
    pub inclusive: bool,
}

/// Why a query cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// More than [`MAX_LENGTH`] bytes.
    #[error("it is longer than {MAX_LENGTH} bytes")]
    TooLong,
    /// More than [`MAX_TERMS`].
    #[error("it has more than {MAX_TERMS} terms")]
    TooManyTerms,
    /// More than ten levels of parentheses.
    #[error("parentheses are nested more than {MAX_DEPTH} levels deep")]
    TooDeep,
    /// A term is missing.
    #[error("a term is missing at character {0}")]
    NoTerm(usize),
    /// Something does not end.
    #[error("{1} is missing at character {0}")]
    Open(usize, &'static str),
    /// Lucene has it, Auth0's search does not.
    #[error("{1} at character {0} cannot be used; put a backslash before it or quote the term")]
    Unsupported(usize, char),
}

/// Reads a query.
///
/// # Errors
/// [`Fault`].
pub fn parse(q: &str) -> Result<Query, Fault> {
    if q.len() > MAX_LENGTH {
        return Err(Fault::TooLong);
    }
    let mut parser = Parser { whole: q, rest: q.chars(), terms: 0 };
    let query = parser.alternatives(None, 0)?;
    match parser.peek() {
        None => Ok(query),
        Some(c) => Err(Fault::Unsupported(parser.at(), c)),
    }
}

/// How a term counts among terms without operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Occurs {
    Maybe,
    Must,
    Never,
}

#[derive(Clone)]
struct Parser<'a> {
    whole: &'a str,
    rest: Chars<'a>,
    terms: usize,
}

impl Parser<'_> {
    fn peek(&self) -> Option<char> {
        self.rest.clone().next()
    }
    /// The position for people: the first character is 1.
    fn at(&self) -> usize {
        let read = self.whole.len() - self.rest.as_str().len();
        self.whole.get(..read).unwrap_or("").chars().count() + 1
    }
    fn skip_space(&mut self) {
        while self.peek().is_some_and(char::is_whitespace) {
            self.rest.next();
        }
    }
    fn take(&mut self, token: &str) -> bool {
        let Some(rest) = self.rest.as_str().strip_prefix(token) else { return false };
        self.rest = rest.chars();
        true
    }
    /// An operator that is a word must end as one.
    fn take_word(&mut self, word: &str) -> bool {
        let rest = self.rest.as_str().strip_prefix(word);
        let ends = |rest: &str| {
            rest.chars().next().is_none_or(|c| c.is_whitespace() || "()\"".contains(c))
        };
        rest.is_some_and(ends) && self.take(word)
    }

    fn alternatives(&mut self, field: Option<&str>, depth: usize) -> Result<Query, Fault> {
        if depth > MAX_DEPTH {
            return Err(Fault::TooDeep);
        }
        let mut items = vec![self.conjunction(field, depth)?];
        let mut by_word = Vec::new();
        loop {
            self.skip_space();
            if matches!(self.peek(), None | Some(')')) {
                return Ok(combine(items, &by_word));
            }
            by_word.push(self.take_word("OR") || self.take("||"));
            items.push(self.conjunction(field, depth)?);
        }
    }

    fn conjunction(&mut self, field: Option<&str>, depth: usize) -> Result<(Occurs, Query), Fault> {
        let first = self.marked(field, depth)?;
        let mut rest = Vec::new();
        loop {
            self.skip_space();
            if !self.take_word("AND") && !self.take("&&") {
                break;
            }
            rest.push(self.marked(field, depth)?);
        }
        if rest.is_empty() {
            return Ok(first);
        }
        let all = std::iter::once(first).chain(rest).map(as_marked).collect();
        Ok((Occurs::Maybe, Query::All(all)))
    }

    fn marked(&mut self, field: Option<&str>, depth: usize) -> Result<(Occurs, Query), Fault> {
        self.skip_space();
        let occurs = if self.take_word("NOT") || self.take("-") || self.take("!") {
            Occurs::Never
        } else if self.take("+") {
            Occurs::Must
        } else {
            Occurs::Maybe
        };
        self.skip_space();
        Ok((occurs, self.term(field, depth)?))
    }

    fn term(&mut self, field: Option<&str>, depth: usize) -> Result<Query, Fault> {
        if self.take("(") {
            let query = self.alternatives(field, depth + 1)?;
            self.skip_space();
            return if self.take(")") { Ok(query) } else { Err(Fault::Open(self.at(), ")")) };
        }
        if field.is_some() || self.peek() == Some('"') {
            return self.value(field);
        }
        if ["AND", "OR", "NOT"].into_iter().any(|word| self.clone().take_word(word)) {
            return Err(Fault::NoTerm(self.at()));
        }
        let (pieces, is_field) = self.word(true)?;
        if !is_field {
            return self.count(None, value_of(pieces));
        }
        // A wildcard for the field: `*:*` asks for everything.
        let field = pieces.join("*");
        self.skip_space();
        if self.peek() == Some('(') {
            return self.term(Some(&field), depth);
        }
        self.value(Some(&field))
    }

    fn value(&mut self, field: Option<&str>) -> Result<Query, Fault> {
        let value = match self.peek() {
            Some('"') => Value::Is(self.phrase()?),
            Some(c @ ('[' | '{')) if field.is_some() => self.range(c == '[')?,
            Some('>' | '<') if field.is_some() => self.comparison()?,
            _ => value_of(self.word(false)?.0),
        };
        if field == Some("_exists_") {
            return match value {
                Value::Is(name) => self.count(Some(&name), Value::Exists),
                _ => Err(Fault::NoTerm(self.at())),
            };
        }
        self.count(field, value)
    }

    fn count(&mut self, field: Option<&str>, value: Value) -> Result<Query, Fault> {
        self.terms += 1;
        if self.terms > MAX_TERMS {
            return Err(Fault::TooManyTerms);
        }
        if matches!(field, None | Some("*")) && value == Value::Exists {
            return Ok(Query::All(Vec::new()));
        }
        Ok(Query::Term(field.map(str::to_owned), value))
    }

    fn phrase(&mut self) -> Result<String, Fault> {
        self.rest.next();
        let mut text = String::new();
        loop {
            match self.rest.next() {
                Some('"') => return Ok(text),
                Some('\\') => text.extend(self.rest.next()),
                Some(c) => text.push(c),
                None => return Err(Fault::Open(self.at(), "\"")),
            }
        }
    }

    /// A word, cut at its wildcards. `true` when it is the name of a field: a `:` follows.
    fn word(&mut self, may_be_field: bool) -> Result<(Vec<String>, bool), Fault> {
        let (begin, mut is_field) = (self.at(), false);
        let mut text = String::new();
        let mut stars = Vec::new();
        let mut length = 0;
        while let Some(c) = self.peek() {
            match c {
                '\\' => {
                    self.rest.next();
                    let Some(escaped) = self.peek() else {
                        return Err(Fault::Open(self.at(), "a character"));
                    };
                    text.push(escaped);
                    length += 1;
                }
                ':' if may_be_field && (length > 0 || !stars.is_empty()) => is_field = true,
                ':' if may_be_field => return Err(Fault::NoTerm(begin)),
                '*' => stars.push(length),
                '?' => return Err(Fault::Unsupported(self.at(), c)),
                // Regular expressions.
                '/' if length == 0 && stars.is_empty() => {
                    return Err(Fault::Unsupported(self.at(), c));
                }
                c if c.is_whitespace() || c == ')' => break,
                c if SPECIAL.contains(c) => return Err(Fault::Unsupported(self.at(), c)),
                c => {
                    text.push(c);
                    length += 1;
                }
            }
            self.rest.next();
            if is_field {
                break;
            }
        }
        if length == 0 && stars.is_empty() {
            return Err(Fault::NoTerm(begin));
        }
        Ok((cut(&text, &stars), is_field))
    }

    fn range(&mut self, from_inclusive: bool) -> Result<Value, Fault> {
        self.rest.next();
        let from = self.edge()?;
        self.skip_space();
        if !self.take_word("TO") {
            return Err(Fault::Open(self.at(), "TO"));
        }
        let to = self.edge()?;
        self.skip_space();
        let to_inclusive = match self.rest.next() {
            Some(']') => true,
            Some('}') => false,
            _ => return Err(Fault::Open(self.at(), "]")),
        };
        let edge = |text: Option<String>, inclusive| text.map(|text| Edge { text, inclusive });
        Ok(Value::Between(edge(from, from_inclusive), edge(to, to_inclusive)))
    }

    /// `None` for `*`.
    fn edge(&mut self) -> Result<Option<String>, Fault> {
        self.skip_space();
        if self.peek() == Some('"') {
            return self.phrase().map(Some);
        }
        let begin = self.at();
        let ends = |c: char| c.is_whitespace() || "]}".contains(c);
        let rest = self.rest.as_str();
        let text = rest.split(ends).next().unwrap_or("").to_owned();
        self.take(&text);
        match text.as_str() {
            "" => Err(Fault::NoTerm(begin)),
            "*" => Ok(None),
            _ => Ok(Some(text)),
        }
    }

    fn comparison(&mut self) -> Result<Value, Fault> {
        let is_lower_end = self.rest.next() == Some('>');
        let inclusive = self.take("=");
        let text = if self.peek() == Some('"') {
            self.phrase()?
        } else {
            let begin = self.at();
            match value_of(self.word(false)?.0) {
                Value::Is(text) => text,
                _ => return Err(Fault::Unsupported(begin, '*')),
            }
        };
        let edge = Some(Edge { text, inclusive });
        Ok(if is_lower_end { Value::Between(edge, None) } else { Value::Between(None, edge) })
    }
}

/// Cuts a text at these counts of characters.
fn cut(text: &str, at: &[usize]) -> Vec<String> {
    let mut pieces = vec![String::new()];
    for (index, c) in text.chars().enumerate() {
        for _ in at.iter().filter(|star| **star == index) {
            pieces.push(String::new());
        }
        if let Some(piece) = pieces.last_mut() {
            piece.push(c);
        }
    }
    let length = text.chars().count();
    pieces.extend(at.iter().filter(|star| **star == length).map(|_| String::new()));
    pieces
}

fn value_of(mut pieces: Vec<String>) -> Value {
    if pieces.len() > 1 && pieces.iter().all(String::is_empty) {
        return Value::Exists;
    }
    if pieces.len() > 1 { Value::Pieces(pieces) } else { Value::Is(pieces.remove(0)) }
}

fn as_marked((occurs, query): (Occurs, Query)) -> Query {
    if occurs == Occurs::Never { Query::Not(Box::new(query)) } else { query }
}

fn any(mut queries: Vec<Query>) -> Query {
    if queries.len() == 1 { queries.remove(0) } else { Query::Any(queries) }
}

/// `by_word` says of each gap between two items whether `OR` stands there: beside one, `NOT` and
/// `+` are of the alternative alone.
fn combine(items: Vec<(Occurs, Query)>, by_word: &[bool]) -> Query {
    let (mut required, mut optional, mut excluded) = (Vec::new(), Vec::new(), Vec::new());
    let is_only = items.len() == 1;
    for (index, (occurs, query)) in items.into_iter().enumerate() {
        let is_by_word = |gap: Option<usize>| gap.and_then(|g| by_word.get(g)) == Some(&true);
        let is_alternative = is_by_word(index.checked_sub(1)) || is_by_word(Some(index));
        match occurs {
            Occurs::Must if !is_alternative => required.push(query),
            Occurs::Never if !is_alternative && !is_only => excluded.push(query),
            _ => optional.push(as_marked((occurs, query))),
        }
    }
    let mut all = required;
    if all.is_empty() && !optional.is_empty() {
        all.push(any(optional));
    }
    all.extend(excluded.into_iter().map(|query| Query::Not(Box::new(query))));
    if all.len() == 1 { all.remove(0) } else { Query::All(all) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The query in prefix form, to be compared at a glance.
    fn show(query: &Query) -> String {
        let list = |queries: &[Query]| queries.iter().map(show).collect::<Vec<_>>().join(" ");
        match query {
            Query::All(queries) => format!("(and {})", list(queries)),
            Query::Any(queries) => format!("(or {})", list(queries)),
            Query::Not(query) => format!("(not {})", show(query)),
            Query::Term(field, value) => {
                let edge = |edge: &Option<Edge>| {
                    edge.as_ref().map_or("*".to_owned(), |e| {
                        format!("{}{}", e.text, if e.inclusive { "" } else { "!" })
                    })
                };
                let value = match value {
                    Value::Is(text) => format!("<{text}>"),
                    Value::Pieces(pieces) => pieces.join("%"),
                    Value::Between(from, to) => format!("{}..{}", edge(from), edge(to)),
                    Value::Exists => "exists".to_owned(),
                };
                format!("{}={value}", field.as_deref().unwrap_or(""))
            }
        }
    }

    #[test]
    fn queries_are_read_as_lucene_writes_them() {
        for (q, expected) in [
            ("jane", "=<jane>"),
            ("\"jane smith\"", "=<jane smith>"),
            (" email:a@b.example ", "email=<a@b.example>"),
            ("email: a@b.example", "email=<a@b.example>"),
            (r#"name:"a \"b\" \\ *""#, r#"name=<a "b" \ *>"#),
            ("user_id:auth0|a:b", "user_id=<auth0|a:b>"),
            (r"name:a\ b\*\:\(", "name=<a b*:(>"),
            (r"app_metadata.my\ key:1", "app_metadata.my key=<1>"),
            (r"app_metadata.a\:b:1", "app_metadata.a:b=<1>"),
            ("name:jo*", "name=jo%"),
            ("name:*usa", "name=%usa"),
            ("name:j*n*", "name=j%n%"),
            (r"name:a\**", "name=a*%"),
            ("name:*", "name=exists"),
            ("_exists_:name", "name=exists"),
            ("NOT _exists_:logins_count", "(not logins_count=exists)"),
            ("*", "(and )"),
            ("*:*", "(and )"),
            ("a:1 AND b:2 OR c:3", "(or (and a=<1> b=<2>) c=<3>)"),
            ("a:1 OR b:2 AND c:3", "(or a=<1> (and b=<2> c=<3>))"),
            ("a:1 && b:2 || c:3", "(or (and a=<1> b=<2>) c=<3>)"),
            ("(a:1 OR b:2) AND NOT c:3", "(and (or a=<1> b=<2>) (not c=<3>))"),
            ("a:1 AND -b:2 AND !c:3", "(and a=<1> (not b=<2>) (not c=<3>))"),
            ("NOT a:1 OR b:2", "(or (not a=<1>) b=<2>)"),
            ("-a:1", "(not a=<1>)"),
            ("a:1 b:2", "(or a=<1> b=<2>)"),
            ("a:1 -b:2", "(and a=<1> (not b=<2>))"),
            ("NOT a:1 b:2 c:3", "(and (or b=<2> c=<3>) (not a=<1>))"),
            ("-a:1 -b:2", "(and (not a=<1>) (not b=<2>))"),
            ("+a:1 b:2 -c:3", "(and a=<1> (not c=<3>))"),
            ("NOT (a:1 b:2)", "(not (or a=<1> b=<2>))"),
            ("email:(\"a\" OR \"b\")", "(or email=<a> email=<b>)"),
            ("n:(>=1 AND <5)", "(and n=1..* n=*..5!)"),
            ("n:[1 TO 5]", "n=1..5"),
            ("n:{1 TO *]", "n=1!..*"),
            ("n:[* TO \"5\"}", "n=*..5!"),
            ("n:>1", "n=1!..*"),
            ("n:<=-5", "n=*..-5"),
            ("d:[2026-01-31T10:00:00Z TO *]", "d=2026-01-31T10:00:00Z..*"),
            ("ORANGE ANDY NOTE", "(or =<ORANGE> =<ANDY> =<NOTE>)"),
            ("a and b", "(or =<a> =<and> =<b>)"),
            ("semi-final", "=<semi-final>"),
            ("é:ü*", "é=ü%"),
        ] {
            assert_eq!(parse(q).map(|query| show(&query)), Ok(expected.to_owned()), "{q}");
        }
    }

    #[test]
    fn what_is_no_query_says_where() {
        for (q, expected) in [
            ("", Fault::NoTerm(1)),
            ("   ", Fault::NoTerm(4)),
            ("a:", Fault::NoTerm(3)),
            (":a", Fault::NoTerm(1)),
            ("a AND", Fault::NoTerm(6)),
            ("a OR OR b", Fault::NoTerm(6)),
            ("AND a", Fault::NoTerm(1)),
            ("NOT", Fault::NoTerm(4)),
            ("()", Fault::NoTerm(2)),
            ("(a", Fault::Open(3, ")")),
            ("a)", Fault::Unsupported(2, ')')),
            ("\"a", Fault::Open(3, "\"")),
            ("a\\", Fault::Open(3, "a character")),
            ("n:[1 5]", Fault::Open(6, "TO")),
            ("n:[1 TO 5", Fault::Open(10, "]")),
            ("n:[ TO 5]", Fault::Open(8, "TO")),
            ("[1 TO 5]", Fault::Unsupported(1, '[')),
            ("n:>1*", Fault::Unsupported(4, '*')),
            ("a~", Fault::Unsupported(2, '~')),
            ("a^2", Fault::Unsupported(2, '^')),
            ("te?t", Fault::Unsupported(3, '?')),
            ("name:/joh?n/", Fault::Unsupported(6, '/')),
            ("_exists_:a*", Fault::NoTerm(12)),
        ] {
            assert_eq!(parse(q), Err(expected), "{q}");
        }
    }

    #[test]
    fn queries_are_bounded() {
        assert_eq!(parse(&"a".repeat(MAX_LENGTH + 1)), Err(Fault::TooLong));
        assert!(parse(&"a ".repeat(MAX_TERMS)).is_ok());
        assert_eq!(parse(&"a ".repeat(MAX_TERMS + 1)), Err(Fault::TooManyTerms));
        let nested = |depth: usize| format!("{}a{}", "(".repeat(depth), ")".repeat(depth));
        assert!(parse(&nested(MAX_DEPTH)).is_ok());
        assert_eq!(parse(&nested(MAX_DEPTH + 1)), Err(Fault::TooDeep));
        assert_eq!(parse(&"(".repeat(MAX_LENGTH)), Err(Fault::TooDeep));
        assert_eq!(parse(&"a:".repeat(MAX_LENGTH / 2)).map(|_| ()), Ok(()));
    }
}

//! The languages of the pages and the messages: one file each in `locales/`, named by its tag
//! (BCP 47). Adding a language is adding a file; a text that a file lacks is shown in English. (The
//! folder is read when this file is compiled.)
//!
//! The language of a request is context, like its id: [`scope`] sets it from what the browser
//! prefers, [`prefer`] replaces it once an application has named one (`ui_locales`, OIDC Core
//! §3.1.2.1), and pages ask [`current`].

use std::{cell::Cell, collections::BTreeMap, sync::LazyLock};

use rust_embed::Embed;

/// The language that every text exists in.
const FALLBACK: &str = "en";

/// Tags read from one header or parameter; nobody speaks more.
const MOST_TAGS: usize = 16;

#[derive(Embed)]
#[folder = "src/http/pages/locales"]
struct Files;

/// One file: the texts by `table.key`.
#[derive(Debug, Default)]
struct Language {
    tag: String,
    texts: BTreeMap<String, String>,
}

static LANGUAGES: LazyLock<Vec<Language>> = LazyLock::new(|| {
    let read = |path: std::borrow::Cow<'static, str>| {
        let tag = path.strip_suffix(".toml")?.to_owned();
        let file = Files::get(&path)?;
        match parse(&String::from_utf8_lossy(&file.data)) {
            Ok(texts) => Some(Language { tag, texts }),
            // A test reads every file, so this cannot be one that was released.
            Err(error) => {
                tracing::error!("the texts {path} cannot be read: {error}");
                None
            }
        }
    };
    Files::iter().filter_map(read).collect()
});

static NOTHING: Language = Language { tag: String::new(), texts: BTreeMap::new() };

fn parse(text: &str) -> Result<BTreeMap<String, String>, String> {
    let tables: BTreeMap<String, BTreeMap<String, String>> =
        toml::from_str(text).map_err(|error| error.to_string())?;
    let flat = tables.into_iter().flat_map(|(table, texts)| {
        texts.into_iter().map(move |(key, text)| (format!("{table}.{key}"), text))
    });
    Ok(flat.collect())
}

/// A language that there is.
#[derive(Clone, Copy)]
pub struct Locale(&'static Language);

impl Locale {
    /// The language with exactly this tag, in any case.
    pub fn named(tag: &str) -> Option<Self> {
        LANGUAGES.iter().find(|language| language.tag.eq_ignore_ascii_case(tag)).map(Self)
    }

    /// English.
    pub fn fallback() -> Self {
        Self::named(FALLBACK).unwrap_or(Self(&NOTHING))
    }

    /// Every language that there is.
    pub fn all() -> impl Iterator<Item = Self> {
        LANGUAGES.iter().map(Self)
    }

    /// The first of these tags, most wanted first, for which there is a language: exactly, or by
    /// leaving off subtags from the end (RFC 4647 §3.4), or in another region.
    fn lookup<'a>(tags: impl Iterator<Item = &'a str>, among: &[Self]) -> Option<Self> {
        let named = |tag: &str| among.iter().find(|l| l.tag().eq_ignore_ascii_case(tag)).copied();
        tags.take(MOST_TAGS).find_map(|tag| {
            let mut range = tag;
            loop {
                if let Some(found) = named(range) {
                    return Some(found);
                }
                match range.rsplit_once('-') {
                    Some((shorter, _)) => range = shorter,
                    None => break,
                }
            }
            let begins = |known: &str| {
                known.split_once('-').is_some_and(|(first, _)| first.eq_ignore_ascii_case(range))
            };
            among.iter().find(|locale| begins(locale.tag())).copied()
        })
    }

    /// What an application asked for (`ui_locales`), else what the browser prefers
    /// (`Accept-Language`, RFC 9110 §12.5.4), else the first of those `among` which there is a
    /// choice.
    pub fn choose(ui_locales: Option<&str>, accept_language: Option<&str>, among: &[Self]) -> Self {
        let asked = ui_locales.unwrap_or("").split_ascii_whitespace();
        Self::lookup(asked, among)
            .or_else(|| Self::lookup(preferred(accept_language.unwrap_or("")).into_iter(), among))
            .or_else(|| among.first().copied())
            .unwrap_or(Self::fallback())
    }

    /// The languages that people may have, the default first: those that the operator enabled and
    /// that there are, else all of them.
    pub fn enabled(tags: &[String], default: &str) -> Vec<Self> {
        let enabled: Vec<_> = tags.iter().filter_map(|tag| Self::named(tag)).collect();
        if !enabled.is_empty() {
            return enabled;
        }
        let first = Self::named(default).unwrap_or(Self::fallback());
        let others = Self::all().filter(|locale| locale.tag() != first.tag());
        std::iter::once(first).chain(others).collect()
    }

    /// The tag, as `lang` has it.
    pub fn tag(self) -> &'static str {
        if self.0.tag.is_empty() { FALLBACK } else { &self.0.tag }
    }

    /// A text without placeholders.
    pub fn text(self, key: &'static str) -> &'static str {
        let own = self.0.texts.get(key);
        own.or_else(|| Self::fallback().0.texts.get(key)).map_or(key, String::as_str)
    }

    /// A text with its `{placeholders}` replaced, for plain text.
    pub fn fill(self, key: &'static str, values: &[(&str, &str)]) -> String {
        replace(self.text(key), values, |text, out| out.push_str(text), ("", ""))
    }

    /// The same as HTML: everything is escaped, and what was filled in is emphasised.
    pub fn rich(self, key: &'static str, values: &[(&str, &str)]) -> String {
        replace(self.text(key), values, escape, ("<strong>", "</strong>"))
    }
}

/// Fills placeholders in one pass, so that a value that looks like a placeholder stays as it is.
fn replace(
    text: &str,
    values: &[(&str, &str)],
    write: impl Fn(&str, &mut String),
    (before, after): (&str, &str),
) -> String {
    let mut out = String::with_capacity(text.len() + 64);
    let mut rest = text;
    while let Some((plain, placeholder)) = rest.split_once('{') {
        write(plain, &mut out);
        let Some((name, tail)) = placeholder.split_once('}') else { break };
        let value = values.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value);
        out.push_str(before);
        write(value, &mut out);
        out.push_str(after);
        rest = tail;
    }
    write(rest, &mut out);
    out
}

fn escape(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&#38;"),
            '<' => out.push_str("&#60;"),
            '>' => out.push_str("&#62;"),
            '"' => out.push_str("&#34;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
}

/// The tags of an `Accept-Language`, most wanted first.
fn preferred(header: &str) -> Vec<&str> {
    let mut tags: Vec<(u16, &str)> = Vec::new();
    for item in header.split(',').take(MOST_TAGS) {
        let mut parts = item.split(';').map(str::trim);
        let Some(tag) = parts.next().filter(|tag| !tag.is_empty() && *tag != "*") else { continue };
        let quality = parts.find_map(|part| part.strip_prefix("q=")).map_or(Some(1000), quality);
        if let Some(quality) = quality.filter(|quality| *quality > 0) {
            tags.push((quality, tag));
        }
    }
    // Stable: equals stay in the order they were written in.
    tags.sort_by_key(|(quality, _)| std::cmp::Reverse(*quality));
    tags.into_iter().map(|(_, tag)| tag).collect()
}

/// A quality value in thousandths; `None` when it is none.
fn quality(text: &str) -> Option<u16> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if !matches!(whole, "0" | "1") || fraction.len() > 3 {
        return None;
    }
    let thousandths: u16 = format!("{fraction:0<3}").parse().ok()?;
    Some((if whole == "1" { 1000 } else { thousandths }).min(1000))
}

tokio::task_local! {
    static CURRENT: Cell<Locale>;
    static ENABLED: Vec<Locale>;
}

/// Runs `answering` in a language, which may change to one of those `among`.
pub async fn scope<F: Future>(locale: Locale, among: Vec<Locale>, answering: F) -> F::Output {
    ENABLED.scope(among, CURRENT.scope(Cell::new(locale), answering)).await
}

/// The language of the request that this task answers.
pub fn current() -> Locale {
    CURRENT.try_with(Cell::get).unwrap_or_else(|_| Locale::fallback())
}

/// Goes on in the language that the application asked for, if there is such a one.
pub fn prefer(ui_locales: Option<&str>) {
    let asked = ui_locales.unwrap_or("").split_ascii_whitespace();
    let found = ENABLED.try_with(|among| Locale::lookup(asked, among)).unwrap_or_default();
    if let Some(locale) = found {
        // Outside of a request there is nothing to set.
        let _ = CURRENT.try_with(|current| current.set(locale));
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs, path::Path};

    use super::*;

    fn placeholders(text: &str) -> BTreeSet<&str> {
        text.split('{').skip(1).map(|rest| rest.split_once('}').unwrap().0).collect()
    }

    #[test]
    fn every_language_has_every_text_and_every_placeholder() {
        assert!(Files::iter().count() >= 2);
        let english = &Locale::fallback().0.texts;
        assert!(english.len() > 50, "{}", english.len());
        for path in Files::iter() {
            let file = Files::get(&path).unwrap();
            let texts = parse(std::str::from_utf8(&file.data).unwrap()).unwrap();
            let keys: Vec<_> = texts.keys().collect();
            assert_eq!(keys, english.keys().collect::<Vec<_>>(), "{path}");
            for (key, text) in &texts {
                assert_eq!(placeholders(text), placeholders(&english[key]), "{path} {key}");
                assert!(!text.trim().is_empty() && !text.contains(['<', '>']), "{path} {key}");
            }
        }
    }

    #[test]
    fn every_text_that_a_page_asks_for_exists_and_none_is_left_over() {
        let mut sources = String::new();
        let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src/http")];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                let read = path.extension().is_some_and(|e| e == "rs" || e == "html" || e == "txt");
                if path.is_dir() {
                    folders.push(path);
                } else if read {
                    sources += &fs::read_to_string(path).unwrap();
                }
            }
        }
        let english = &Locale::fallback().0.texts;
        for call in [".text(\"", ".fill(\"", ".rich(\""] {
            for (at, _) in sources.match_indices(call) {
                let key = sources[at + call.len()..].split('"').next().unwrap();
                // Parameters have a `text` too, and no dots.
                assert!(english.contains_key(key) || !key.contains('.'), "no text {key}");
            }
        }
        for key in english.keys() {
            assert!(sources.contains(&format!("\"{key}\"")), "nobody shows {key}");
        }
    }

    #[test]
    fn the_application_chooses_then_the_browser_then_the_server() {
        let chosen =
            |ui, accept, default| Locale::choose(ui, accept, &Locale::enabled(&[], default)).tag();
        assert_eq!(chosen(None, None, "en"), "en");
        assert_eq!(chosen(None, None, "ja"), "ja");
        assert_eq!(chosen(None, None, "xx"), "en");
        assert_eq!(chosen(None, Some("ja,en;q=0.5"), "en"), "ja");
        assert_eq!(chosen(None, Some("fr-CH, fr;q=0.9, en;q=0.8, ja;q=0.85"), "en"), "ja");
        assert_eq!(chosen(None, Some("ja;q=0, en"), "ja"), "en");
        assert_eq!(chosen(None, Some("*"), "ja"), "ja");
        assert_eq!(chosen(Some("ja-JP en"), Some("en"), "en"), "ja");
        assert_eq!(chosen(Some("fr JA"), Some("en"), "en"), "ja");
        assert_eq!(chosen(Some("ja-Kana-JP-x-y"), None, "en"), "ja");
        assert_eq!(chosen(Some("fr"), Some("ja"), "en"), "ja");
        assert_eq!(chosen(Some("jav"), None, "en"), "en", "another language");
        for nonsense in ["-", "--", ";;q", ",,,", "ja;q=x", "ja;q=2", "../ja", "ja.toml", "é-é"] {
            assert_eq!(chosen(Some(nonsense), Some(nonsense), "en"), "en", "{nonsense}");
        }
    }

    #[test]
    fn the_operator_says_which_languages_there_are_and_which_is_the_default() {
        let chosen = |enabled: &[&str], ui, accept| {
            let enabled: Vec<_> = enabled.iter().map(|tag| (*tag).to_owned()).collect();
            Locale::choose(ui, accept, &Locale::enabled(&enabled, "en")).tag()
        };
        assert_eq!(chosen(&["ja", "en"], None, None), "ja");
        assert_eq!(chosen(&["fr", "ja", "en"], None, None), "ja", "there is no French");
        assert_eq!(chosen(&["ja", "en"], None, Some("en")), "en");
        assert_eq!(chosen(&["ja"], Some("en"), Some("en")), "ja");
        assert_eq!(chosen(&["fr"], None, Some("ja")), "ja", "as if nothing was said");
        assert_eq!(chosen(&["fr"], None, None), "en");
    }

    #[test]
    fn what_is_filled_in_is_escaped_once_and_not_read_again() {
        let filled = replace("a < {x}{y}!", &[("x", "{y}<b>"), ("y", "")], escape, ("[", "]"));
        assert_eq!(filled, "a &#60; [{y}&#60;b&#62;][]!");
    }
}

//! A person with a browser that keeps cookies and follows redirects within the server.

use std::collections::BTreeMap;

use reqwest::header;

use crate::support::{Answer, TestApp};

/// A browser. Each has its own cookies.
pub struct Browser<'a> {
    app: &'a TestApp,
    pub cookies: BTreeMap<String, String>,
}

/// Where a login ended.
#[derive(Debug, Clone)]
pub enum Landed {
    /// On a page of the server: its path and the answer.
    Page(String, Answer),
    /// Back at the application: the parameters of the redirect.
    Application(BTreeMap<String, String>),
}

impl Landed {
    /// The parameters of the redirect; a page fails the test.
    #[track_caller]
    pub fn application(self) -> BTreeMap<String, String> {
        match self {
            Self::Application(parameters) => parameters,
            Self::Page(path, answer) => {
                panic!("still at {path}: {} {}", answer.status, answer.text)
            }
        }
    }
    /// The page; a redirect to the application fails the test.
    #[track_caller]
    pub fn page(self) -> (String, Answer) {
        match self {
            Self::Page(path, answer) => (path, answer),
            Self::Application(parameters) => panic!("back at the application: {parameters:?}"),
        }
    }
}

impl<'a> Browser<'a> {
    pub fn new(app: &'a TestApp) -> Self {
        Self { app, cookies: BTreeMap::new() }
    }

    /// Goes to a path with a query, and on to where redirects lead.
    pub async fn visit(&mut self, path: &str, query: &[(&str, &str)]) -> Landed {
        let mut url = url::Url::parse(&self.app.url(path)).unwrap();
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let answer = self.send(self.app.http.get(url.clone())).await;
        self.follow(url, answer).await
    }

    /// Sends the form of a page with these fields, beside its hidden `state`.
    pub async fn submit(&mut self, page: &(String, Answer), fields: &[(&str, &str)]) -> Landed {
        let state = hidden_state(&page.1.text);
        let mut form = vec![("state", state.as_str())];
        form.extend_from_slice(fields);
        let url = url::Url::parse(&self.app.url(&page.0)).unwrap();
        let answer = self.send(self.app.http.post(url.clone()).form(&form)).await;
        self.follow(url, answer).await
    }

    /// Posts a form without a hidden `state`, and goes on to where redirects lead.
    pub async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Landed {
        let url = url::Url::parse(&self.app.url(path)).unwrap();
        let answer = self.send(self.app.http.post(url.clone()).form(fields)).await;
        self.follow(url, answer).await
    }

    /// Goes to `/authorize`, gives the password if asked, and ends at the application or a page.
    pub async fn log_in(&mut self, query: &[(&str, &str)], email: &str, password: &str) -> Landed {
        match self.visit("authorize", query).await {
            Landed::Page(path, page) if path == "/u/login" => {
                let fields = [("username", email), ("password", password), ("action", "default")];
                self.submit(&(path, page), &fields).await
            }
            landed => landed,
        }
    }

    /// One request with the cookies, which it updates.
    pub async fn send(&mut self, request: reqwest::RequestBuilder) -> Answer {
        let pairs: Vec<_> = self.cookies.iter().map(|(k, v)| format!("{k}={v}")).collect();
        let answer = self.app.send(request.header(header::COOKIE, pairs.join("; "))).await;
        for cookie in answer.headers.get_all(header::SET_COOKIE) {
            let pair = cookie.to_str().unwrap().split(';').next().unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            if value.is_empty() {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        answer
    }

    async fn follow(&mut self, mut url: url::Url, mut answer: Answer) -> Landed {
        for _ in 0..10 {
            if !(300..400).contains(&answer.status) {
                return Landed::Page(url.path().to_owned(), answer);
            }
            let next = url.join(answer.header("location")).unwrap();
            // The console is an application on the server's own origin.
            if next.origin() != url.origin() || next.path() == "/admin/callback" {
                let mut landed: BTreeMap<_, _> = next.query_pairs().into_owned().collect();
                let fragment = next.fragment().unwrap_or("").as_bytes();
                landed.extend(url::form_urlencoded::parse(fragment).into_owned());
                return Landed::Application(landed);
            }
            url = next;
            answer = self.send(self.app.http.get(url.clone())).await;
        }
        panic!("redirected in circles, last to {url}");
    }
}

/// The value of the hidden field `state`.
pub fn hidden_state(html: &str) -> String {
    let at = html.find("name=\"state\"").unwrap_or_else(|| panic!("no form in {html}"));
    let tag = &html[..at].rfind('<').map(|start| &html[start..]).unwrap();
    let value = tag.split_once("value=\"").unwrap().1;
    value.split_once('"').unwrap().0.to_owned()
}

//! The event of the trigger: `event` of Actions.

use serde_json::{Map, Value, json};

use super::PostLogin;
use crate::domain::{resource_server::ResourceServer, scope::ScopeSet};
use crate::login::{
    LoginService,
    authorize::Failure,
    transaction::Transaction,
    triggers::{
        event::{self, without_null},
        request::{self, Reveal},
    },
};
use crate::policy::{
    authorize::{Prompt, ResponseType, ValidRequest},
    post_login::{Decision, Protocol},
};
use crate::store::sessions;

/// The event, and what the calls of scripts are judged by.
pub(super) struct PostLoginEvent {
    /// `event`, without `secrets`.
    pub event: Map<String, Value>,
    /// The roles of the user.
    pub roles: Value,
    /// The `state` that the browser has come back with.
    pub state: Option<String>,
    /// The metadata of the session before.
    pub session_metadata: Option<Map<String, Value>>,
    /// The metadata of the refresh token before.
    pub refresh_token_metadata: Option<Map<String, Value>>,
    app_metadata: Map<String, Value>,
    user_metadata: Map<String, Value>,
    methods: Vec<Value>,
    now: String,
}

impl PostLoginEvent {
    /// Makes the event tell what has been decided: scripts see what those before them changed.
    pub fn follow(&mut self, decision: &Decision) {
        let (app, user) = (
            merged(&self.app_metadata, &decision.app_metadata),
            merged(&self.user_metadata, &decision.user_metadata),
        );
        self.put(&["user", "app_metadata"], app.into());
        self.put(&["user", "user_metadata"], user.into());
        self.put(&["transaction", "metadata"], decision.transaction_metadata.clone().into());
        if let Some(metadata) = &decision.session.metadata {
            self.put(&["session", "metadata"], metadata.clone().into());
        }
        if let Some(metadata) = &decision.customised.refresh_token.metadata {
            self.put(&["refresh_token", "metadata"], metadata.clone().into());
        }
        let recorded = decision.methods.iter();
        let recorded = recorded.map(|name| json!({ "name": name, "timestamp": self.now }));
        let methods: Vec<_> = self.methods.iter().cloned().chain(recorded).collect();
        self.put(&["authentication", "methods"], methods.into());
    }

    /// Replaces a member of an object that is there.
    fn put(&mut self, [object, member]: &[&str; 2], value: Value) {
        if let Some(Value::Object(object)) = self.event.get_mut(*object) {
            object.insert((*member).to_owned(), value);
        }
    }
}

/// Metadata with changes by member; `null` removes.
pub fn merged(metadata: &Map<String, Value>, changes: &Map<String, Value>) -> Map<String, Value> {
    let mut merged = metadata.clone();
    for (name, value) in changes {
        match value {
            Value::Null => drop(merged.remove(name)),
            value => drop(merged.insert(name.clone(), value.clone())),
        }
    }
    merged
}

impl LoginService {
    /// The event of a login. `state` is what the browser has come back with, if it was away.
    pub(super) async fn post_login_event(
        &self,
        facts: &PostLogin<'_>,
        state: Option<String>,
    ) -> Result<PostLoginEvent, Failure> {
        // Before a connection is taken: nobody holds one and waits for another.
        let covers = match facts.family {
            None => Vec::new(),
            Some(family) => self.apis_of(family, &facts.client.client).await?,
        };
        let lifetime = self.session_lifetime().await?;
        let mut conn = self.store.read().await?;
        let roles = self.roles_of(&mut conn, facts.user).await?;
        let names: Vec<_> = roles.iter().map(|role| role.name.as_str()).collect();
        let connection = self.event_connection(&mut conn, &facts.user.connection).await?;
        let organization = match facts.organization_id {
            None => None,
            Some(id) => self.event_organization(&mut conn, id).await?,
        };
        // Read here for an exchange, which needs it for nothing else.
        let of_family = match facts.family.and_then(|family| family.session_id.as_ref()) {
            None => None,
            Some(id) => sessions::find(conn.db(), id).await?,
        };
        let of_family = of_family.filter(|session| session.is_alive(self.clock.now()));
        let session = match facts.session.or(of_family.as_ref()) {
            None => None,
            Some(session) => Some(self.event_session(&mut conn, session, lifetime).await?),
        };
        let refresh_token = match facts.family {
            None => None,
            Some(family) => {
                Some(self.event_refresh_token(&mut conn, family, facts.client, &covers).await?)
            }
        };
        let authentication = event::authentication(facts.amr, facts.auth_time);
        let methods = authentication["methods"].as_array().cloned().unwrap_or_default();
        let metadata = |object: &Option<Map<String, Value>>| {
            let metadata = object.as_ref()?.get("metadata")?;
            metadata.as_object().cloned()
        };
        let (session_metadata, refresh_token_metadata) =
            (metadata(&session), metadata(&refresh_token));
        let event = without_null(json!({
            "authentication": authentication,
            "authorization": { "roles": names },
            "client": event::client(facts.client),
            "connection": connection,
            "organization": organization,
            "refresh_token": refresh_token,
            "request": request_of(facts, state.is_some()),
            "resource_server": facts.api.map(|record| resource_server(&record.api)),
            "session": session,
            "stats": { "logins_count": logins_count(facts) },
            "tenant": event::tenant(&self.settings.tenant_name),
            "transaction": transaction(facts),
            "user": event::user(facts.user),
        }));
        let roles: Vec<_> = roles
            .iter()
            .map(
                |role| json!({ "id": role.id, "name": role.name, "description": role.description }),
            )
            .collect();
        Ok(PostLoginEvent {
            event,
            roles: roles.into(),
            state,
            session_metadata,
            refresh_token_metadata,
            app_metadata: facts.user.app_metadata.clone(),
            user_metadata: facts.user.user_metadata.clone(),
            methods,
            now: self.clock.now().iso8601(),
        })
    }
}

fn resource_server(api: &ResourceServer) -> Value {
    json!({ "identifier": api.identifier })
}

/// A login without a browser is counted when its tokens are issued, which is later.
fn logins_count(facts: &PostLogin<'_>) -> i64 {
    let uncounted = matches!(facts.protocol, Protocol::Password | Protocol::Passwordless);
    facts.user.logins_count.saturating_add(i64::from(uncounted))
}

/// `event.request`. In a browser it is the request of the application, which the user's own way
/// through the pages has nothing to do with; after a redirect it is the return of the browser.
fn request_of(facts: &PostLogin<'_>, came_back: bool) -> Map<String, Value> {
    let current = request::current();
    match facts.transaction {
        Some(transaction) if !came_back => {
            let mut event = request::event(&current, Reveal::AllButSecrets);
            let query = authorize_query(&transaction.request);
            event.insert("query".to_owned(), request::without_secrets(query).into());
            event.insert("body".to_owned(), json!({}));
            event
        }
        Some(_) => request::event(&current, Reveal::Everything),
        None => request::event(&current, Reveal::AllButSecrets),
    }
}

/// The parameters of an authorize request, as the application sent them.
fn authorize_query(request: &ValidRequest) -> Map<String, Value> {
    let mut query: Map<_, _> =
        request.extra.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
    let known = without_null(json!({
        "client_id": request.client_id,
        "redirect_uri": request.redirect_uri_given.then_some(&request.redirect_uri),
        "response_type": response_type(request.response_type).join(" "),
        "response_mode": request.response_mode.as_str(),
        "state": request.state,
        "nonce": request.nonce,
        "audience": request.audience,
        "scope": scope(&request.scope),
        "code_challenge": request.code_challenge,
        "code_challenge_method": request.code_challenge.as_ref().map(|_| "S256"),
        "prompt": Some(prompt(request.prompt).join(" ")).filter(|prompt| !prompt.is_empty()),
        "max_age": request.max_age.map(|age| age.to_string()),
        "login_hint": request.login_hint,
        "organization": request.organization,
        "connection": request.connection,
        "ui_locales": request.ui_locales,
        "screen_hint": request.screen_hint,
    }));
    query.extend(known);
    query
}

fn scope(scope: &ScopeSet) -> Option<String> {
    (!scope.is_empty()).then(|| scope.to_string())
}

/// `event.transaction`
fn transaction(facts: &PostLogin<'_>) -> Map<String, Value> {
    let requested: Vec<_> = facts.requested_scope.iter().collect();
    let mut transaction = without_null(json!({
        "protocol": facts.protocol.as_str(),
        "requested_scopes": requested,
        "metadata": {},
    }));
    if let Some(Transaction { request, id, .. }) = facts.transaction {
        let words = |text: Option<&String>| {
            text.map(|text| text.split_whitespace().map(String::from).collect::<Vec<_>>())
        };
        transaction.extend(without_null(json!({
            "id": id,
            "redirect_uri": request.redirect_uri,
            "response_mode": request.response_mode.as_str(),
            "response_type": response_type(request.response_type),
            "state": request.state,
            "prompt": prompt(request.prompt),
            "login_hint": request.login_hint,
            "ui_locales": words(request.ui_locales.as_ref()),
            "acr_values": words(request.extra.get("acr_values")),
        })));
    }
    transaction
}

fn response_type(asked: ResponseType) -> Vec<&'static str> {
    named([(asked.code, "code"), (asked.token, "token"), (asked.id_token, "id_token")])
}

fn prompt(asked: Prompt) -> Vec<&'static str> {
    named([
        (asked.none, "none"),
        (asked.login, "login"),
        (asked.consent, "consent"),
        (asked.select_account, "select_account"),
    ])
}

fn named<const N: usize>(names: [(bool, &'static str); N]) -> Vec<&'static str> {
    names.into_iter().filter_map(|(is_set, name)| is_set.then_some(name)).collect()
}

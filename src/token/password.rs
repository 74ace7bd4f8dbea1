//! The resource owner password grant (RFC 6749 §4.3) and its sibling with a realm. For tools and
//! migrations; an application must have it enabled explicitly.

use crate::domain::{
    action::outcome::Customised,
    audience::Audience,
    audit::{Exchanged, Happened},
    family::LoginGrant,
    scope::ScopeSet,
    secret::Password,
};
use crate::login::{passwords::LoginFault, triggers::post_login::Protocol};
use crate::store::{audit, users};
use crate::telemetry;
use crate::token::{
    GrantFault, Granted, Refused, TokenService,
    client_authentication::AuthenticatedClient,
    direct_login::{must_be_direct, no_connection},
    issue::Login,
};

/// A request of this grant.
#[derive(Debug)]
pub struct PasswordRequest {
    /// `grant_type`, as it came.
    pub grant_type: &'static str,
    /// `username`
    pub username: String,
    /// `password`
    pub password: Password,
    /// `realm`, the name of a connection.
    pub realm: Option<String>,
    /// `audience` or `resource`
    pub audience: Option<Audience>,
    /// `scope`
    pub scope: Option<ScopeSet>,
}

impl TokenService {
    /// Logs a user in with a password.
    ///
    /// # Errors
    /// Why not.
    pub async fn password(
        &self,
        client: &AuthenticatedClient,
        request: &PasswordRequest,
    ) -> Result<Granted, Refused> {
        let granted = self.grant_by_password(client, request).await;
        granted.map_err(|why| self.exchange_refused(Exchanged::Password, client, None, why))
    }

    async fn grant_by_password(
        &self,
        client: &AuthenticatedClient,
        request: &PasswordRequest,
    ) -> Result<Granted, Refused> {
        client.must_allow(request.grant_type)?;
        let record = &client.record;
        must_be_direct(&record.client)?;
        let api = self.api_of_login(request.audience.as_ref()).await?;
        let binding = self.binding(client, api.as_ref().map(|record| &record.api))?;
        let client_id = &record.client.client_id;
        let realm = request.realm.as_deref();
        let (username, password) = (&request.username, &request.password);
        let found = self.login.check_password(username, password, Some(client_id), realm);
        let user = found.await.map_err(refused)?.user;

        let (scope, permissions) =
            self.scope_without_page(record, api.as_deref(), &user, request.scope.as_ref()).await?;
        let now = self.clock.now();
        let mut login = Login {
            client: record.clone(),
            user,
            api,
            permissions,
            scope,
            organization_id: None,
            organization_name: None,
            session_id: None,
            grant: LoginGrant::Password,
            auth_time: now,
            amr: vec!["pwd".to_owned()],
            nonce: None,
            binding,
            customised: Customised::default(),
        };
        let ruling =
            self.rule_on_login(Protocol::Password, request.scope.as_ref(), &mut login).await?;
        let family = self.family_of(&login, &ruling);
        let (client_id, user_id) = (Some(client_id), Some(&login.user.user_id));
        let logged_in = self.login.event(&Happened::LoggedIn, client_id, user_id);
        let mut tx = self.store.write().await?;
        users::record_login(
            &mut tx,
            &login.user.user_id,
            telemetry::caller::current().ip.as_deref(),
            now,
        )
        .await?;
        audit::insert(&mut tx, &logged_in).await?;
        self.login.change_user(&mut tx, &login.user.user_id, &ruling.decision).await?;
        let cleaned = match &family {
            Some(family) => self.insert_family(&mut tx, family, &login).await?,
            None => None,
        };
        tx.commit().await?;
        for event in [Some(&logged_in), cleaned.as_ref()].into_iter().flatten() {
            self.login.tell(event);
        }
        let granted = self.answer_login(&login, family.as_ref())?;
        self.login_granted(Exchanged::Password, &login, family.as_ref());
        Ok(granted)
    }
}

fn refused(fault: LoginFault) -> Refused {
    match fault {
        LoginFault::Wrong => Refused::InvalidGrant(GrantFault::Password),
        LoginFault::Blocked => Refused::InvalidGrant(GrantFault::UserBlocked),
        LoginFault::Connection(why) => no_connection(why),
        LoginFault::Hindered(hindrance) => Refused::Hindered(hindrance),
        LoginFault::Overloaded(_) => Refused::Overloaded,
        LoginFault::Store(error) => error.into(),
    }
}

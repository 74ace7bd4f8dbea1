//! The refresh token grant (RFC 6749 §6), for one or many APIs.
//!
//! 1. Load: the family of the token. A string whose MAC is wrong is not ours and changes nothing.
//! 2. Decide, in this order: another client's token, the key, **reuse**, expiry, the user's state, the
//!    audience and scope. Only reuse and theft write anything when they refuse.
//! 3. The scripts of the operator, if there are any: once, however often the row is read. They take
//!    their time, so that everything is looked at once more when they have ended.
//! 4. Write: one guarded update. Who loses the race reads the row again and goes through the same
//!    table.
//! 5. Mint and answer.

use crate::crypto::refresh_token::Presented as ParsedToken;
use crate::domain::{
    FamilyId,
    action::outcome::Customised,
    audience::Audience,
    audit::{Exchanged, Happened},
    client::RotationType,
    family::{Family, LoginGrant, RevokedBy},
    scope::ScopeSet,
    secret::RefreshToken,
    time::Timestamp,
};
use crate::login::triggers::changes::{Concerned, changes_anything};
use crate::policy::{
    lifetime::{self, Expired},
    mrrt::{self, Allowed, Original},
    post_login::Decision,
    reuse::{self, Presented},
};
use crate::store::{
    audit,
    families::{
        self,
        exchange::{Advance, Facts, advance},
    },
};
use crate::telemetry;
use crate::token::{
    GrantFault, Granted, Refused, TokenService, TokenType,
    client_authentication::AuthenticatedClient,
    mint::{AccessToken, Gty, IdToken},
    scripts::Ruled,
    targets::Targets,
};

/// A request of this grant.
#[derive(Debug)]
pub struct RefreshRequest {
    /// `refresh_token`
    pub refresh_token: RefreshToken,
    /// `audience` or `resource`
    pub audience: Option<Audience>,
    /// `scope`
    pub scope: Option<ScopeSet>,
}

/// A refresh token as it came in.
struct PresentedToken {
    token: ParsedToken,
    came_at: Timestamp,
}

impl PresentedToken {
    fn family(&self) -> FamilyId {
        self.token.family()
    }
    fn generation(&self) -> u32 {
        self.token.generation()
    }
}

/// How often the loser of a race reads the row again. Each time somebody else has made progress.
const ATTEMPTS: usize = 8;

const REFUSED: Refused = Refused::InvalidGrant(GrantFault::RefreshToken);

impl TokenService {
    /// Exchanges a refresh token.
    ///
    /// # Errors
    /// Why not. Unless the token was stolen or reused, it is as good as before.
    pub async fn refresh(
        &self,
        client: &AuthenticatedClient,
        request: &RefreshRequest,
    ) -> Result<Granted, Refused> {
        let exchanged = Exchanged::RefreshToken;
        let not_allowed = |why| self.exchange_refused(exchanged, client, None, why);
        client.must_allow("refresh_token").map_err(not_allowed)?;
        let unknown = || {
            Self::not_ours(exchanged, &client.record.client.client_id);
            REFUSED
        };
        let token = self.refresh_tokens.parse(&request.refresh_token).ok_or_else(unknown)?;
        let presented = PresentedToken { token, came_at: self.clock.now() };
        let mut ruled = None;
        for _ in 0..ATTEMPTS {
            let found = self.store.exchange_facts(&presented.family()).await?;
            let is_true =
                |facts: &Facts| self.refresh_tokens.verify(&presented.token, &facts.family.salt);
            let facts = found.filter(is_true).ok_or_else(unknown)?;
            let answer = self.exchange_once(client, &facts, &presented, request, &mut ruled);
            if let Some(granted) = answer.await? {
                return Ok(granted);
            }
        }
        // The token is as good as before: nobody may be told otherwise.
        Err(Refused::Overloaded)
    }

    /// Steps 2 to 5 with the row as it was read. `None` when it is to be read again: it has moved,
    /// or scripts have taken their time.
    async fn exchange_once(
        &self,
        client: &AuthenticatedClient,
        facts: &Facts,
        presented: &PresentedToken,
        request: &RefreshRequest,
        ruled: &mut Option<Ruled>,
    ) -> Result<Option<Granted>, Refused> {
        let Facts { family, user, .. } = facts;
        let again = ruled.as_ref().is_some_and(Ruled::by_scripts);
        let verdict = self.judge(client, facts, presented, again).await?;
        if let Some(bad) = self.bad_standing(facts, client.record.client.is_first_party).await? {
            let refused = Refused::InvalidGrant(bad.fault());
            return Err(self.refresh_refused(family, bad.as_str(), refused));
        }
        let (original, asked) = (family.audience.as_ref(), request.audience.as_ref());
        let targets = self.targets(&client.record.client, original, user, asked).await?;
        let allowed = self.decide(client, family, &targets, request).await?;
        let target = targets.of(allowed.audience).map(|target| &*target.record);
        self.binding(client, target.map(|record| &record.api)).map_err(|why| {
            self.exchange_refused(Exchanged::RefreshToken, client, Some(&family.user_id), why)
        })?;
        // Step 3.
        let ruling = match ruled.take().filter(|ruled| ruled.is_about(&allowed)) {
            Some(before) => before,
            None => {
                let about = (client, family, user, target);
                let new = self.rule_on_exchange(about, request.scope.as_ref(), &allowed).await?;
                if new.by_scripts() {
                    *ruled = Some(new);
                    return Ok(None);
                }
                new
            }
        };
        // Step 4.
        let decision = &ruling.decision;
        let Some(next) = self.write(client, family, presented, verdict, decision).await? else {
            *ruled = Some(ruling);
            return Ok(None);
        };
        // Step 5.
        self.warn(family, request, &allowed);
        let issued = Allowed { scope: decision.scope.clone(), ..allowed };
        let tokens = &decision.customised;
        let granted = self.answer(client, (facts, next), &targets, &issued, tokens)?;
        self.refreshed(family, request, &issued, next, tokens.execution.as_ref());
        Ok(Some(granted))
    }

    /// Step 2, theft, the key and reuse. `again` once scripts have run: a token is as good as it was
    /// when it came in, however long they take.
    async fn judge(
        &self,
        authenticated: &AuthenticatedClient,
        Facts { family, user, .. }: &Facts,
        presented: &PresentedToken,
        again: bool,
    ) -> Result<Presented, Refused> {
        let client = &authenticated.record.client;
        if family.client_id != client.client_id {
            let happened = Happened::RefreshTokenOfOtherClient {
                family: &family.id,
                presented_by: &client.client_id,
            };
            return self.revoke_family(family, RevokedBy::OtherClient, &happened).await;
        }
        // RFC 9449 §5. Before reuse: without the key a stolen token is worth nothing, so it must not
        // end the login of who has the key either.
        if let Some(bound_to) = &family.dpop_jkt
            && authenticated.key.as_ref() != Some(bound_to)
        {
            return Err(self.refresh_refused(family, "dpop_key", REFUSED));
        }
        if family.revoked_at.is_some() {
            // Told apart only for who holds a true token: SDKs log out locally on it.
            let mut conn = self.store.read().await?;
            let by = families::revoked_by(conn.db(), &family.id).await?;
            let refused = match user.is_blocked() {
                true => Refused::InvalidGrant(GrantFault::UserBlocked),
                false => REFUSED,
            };
            let reason = format!("revoked_by_{}", by.as_deref().unwrap_or("unknown"));
            return Err(self.refresh_refused(family, &reason, refused));
        }
        let settings = client.refresh_token_settings();
        let leeway = settings.leeway.unwrap_or(self.settings.default_leeway);
        let (generation, now) = (presented.generation(), presented.came_at);
        let verdict = match again {
            false => reuse::judge(generation, family.generation, family.rotated_at, leeway, now),
            true => reuse::judge_again(generation, family.generation, leeway),
        };
        if verdict == Presented::Reuse {
            let happened = Happened::RefreshTokenReused {
                family: &family.id,
                presented: generation,
                current: family.generation,
            };
            return self.revoke_family(family, RevokedBy::Reuse, &happened).await;
        }
        let expired = lifetime::expired(&settings, family.expires_at, family.into(), now);
        match expired {
            None => Ok(verdict),
            Some(Expired::Absolute) => Err(self.refresh_refused(family, "absolute", REFUSED)),
            Some(Expired::Idle) => Err(self.refresh_refused(family, "idle", REFUSED)),
        }
    }

    async fn revoke_family(
        &self,
        family: &Family,
        by: RevokedBy,
        happened: &Happened<'_>,
    ) -> Result<Presented, Refused> {
        let now = self.clock.now();
        let (client, user) = (Some(&family.client_id), Some(&family.user_id));
        let event = self.login.event(happened, client, user);
        let mut tx = self.store.write().await?;
        // A hundred replays of one token are one event.
        if families::revoke(&mut tx, &family.id, by, now).await? {
            audit::insert(&mut tx, &event).await?;
            tx.commit().await?;
            self.login.tell(&event);
        }
        Err(REFUSED)
    }

    /// Step 2, the audience and scope.
    async fn decide<'a>(
        &self,
        client: &'a AuthenticatedClient,
        family: &'a Family,
        targets: &'a Targets,
        request: &'a RefreshRequest,
    ) -> Result<Allowed<'a>, Refused> {
        let client = &client.record.client;
        let asked = request.audience.as_ref();
        let login = Original { audience: family.audience.as_ref(), scope: &family.scope };
        let exchange = self.exchange(client, login, targets, asked, request.scope.as_ref());
        let asked = exchange.asked.audience;
        let decision = mrrt::evaluate(&exchange);
        match decision {
            Ok(allowed) => Ok(allowed),
            Err(denied) => {
                let requested = asked.or(family.audience.as_ref());
                if let Some(requested) = requested {
                    let happened = Happened::AudienceRefused {
                        family: &family.id,
                        requested,
                        reason: denied.as_str(),
                        fell_back: false,
                    };
                    self.note_of(family, &happened);
                }
                let audience = requested.map_or("", Audience::as_str);
                Err(Refused::InvalidTarget(format!(
                    "The refresh token cannot be exchanged for audience \"{audience}\"."
                )))
            }
        }
    }

    /// Step 4. Returns the generation of the token to answer with, `None` when the row has moved
    /// since it was read.
    async fn write(
        &self,
        client: &AuthenticatedClient,
        family: &Family,
        presented: &PresentedToken,
        verdict: Presented,
        decision: &Decision,
    ) -> Result<Option<u32>, Refused> {
        let settings = client.record.client.refresh_token_settings();
        let rotates = settings.rotation_type == RotationType::Rotating;
        let (id, now) = (&family.id, self.clock.now());
        let generation = presented.generation();
        let concerned = Concerned {
            client: &family.client_id,
            user: &family.user_id,
            session: family.session_id.as_ref(),
            family: Some(id),
        };
        if verdict == Presented::Retry {
            // The rotation that this one retries has been written; scripts may have more to say.
            if changes_anything(decision) {
                let mut tx = self.store.write().await?;
                self.login.carry_out(&mut tx, &concerned, decision).await?;
                tx.commit().await?;
            }
            return Ok(Some(family.generation));
        }
        let next = if rotates { generation.saturating_add(1) } else { generation };
        let caller = telemetry::caller::current();
        let exchange = Advance { family: id.clone(), read: family.generation, next, now, caller };
        if verdict != Presented::StoreBehind && !changes_anything(decision) {
            return Ok(self.store.advance(exchange).await?.then_some(next));
        }
        let mut tx = self.store.write().await?;
        // The user before the refresh token, as everybody locks them.
        self.login.change_user(&mut tx, &family.user_id, decision).await?;
        if !advance(&mut tx, &exchange).await? {
            return Ok(None);
        }
        self.login.change_logins(&mut tx, &concerned, decision).await?;
        let behind = (verdict == Presented::StoreBehind).then(|| {
            let stored = family.generation;
            let happened = Happened::StoreBehind { family: id, presented: generation, stored };
            self.login.event(&happened, Some(&family.client_id), Some(&family.user_id))
        });
        if let Some(event) = &behind {
            audit::insert(&mut tx, event).await?;
        }
        tx.commit().await?;
        if let Some(event) = &behind {
            self.login.tell(event);
        }
        Ok(Some(next))
    }

    /// What was given other than asked.
    fn warn(&self, family: &Family, request: &RefreshRequest, allowed: &Allowed<'_>) {
        if let (Some(denied), Some(requested)) = (allowed.fell_back, &request.audience) {
            let reason = denied.as_str();
            let family_id = &family.id;
            let happened =
                Happened::AudienceRefused { family: family_id, requested, reason, fell_back: true };
            self.note_of(family, &happened);
        }
        if allowed.nothing_left() {
            self.note_of(family, &Happened::NothingLeftOfScope { family: &family.id });
        }
    }

    /// Step 5.
    fn answer(
        &self,
        client: &AuthenticatedClient,
        (facts, generation): (&Facts, u32),
        targets: &Targets,
        allowed: &Allowed<'_>,
        tokens: &Customised,
    ) -> Result<Granted, Refused> {
        let Facts { family, user, .. } = facts;
        let target = targets.of(allowed.audience);
        // Has been found possible before anything was written.
        let binding = self.binding(client, target.map(|target| &target.record.api))?;
        let bound_to = binding.access_token.as_ref();
        let client = &client.record.client;
        let (access_token, expires_in) = self.mint_access_token(&AccessToken {
            subject: user.user_id.as_str(),
            client_id: &client.client_id,
            api: target.map(|target| &target.record.api),
            scope: &allowed.scope,
            permissions: target.map(|target| &target.permissions),
            gty: (family.grant == LoginGrant::Password).then_some(Gty::RefreshedPassword),
            organization_id: family.organization_id.as_ref(),
            for_web: false,
            confirmation: bound_to,
            custom: Some(&tokens.access_token),
        })?;
        let id_token = if allowed.has_id_token() {
            let lives = facts.session_ends.is_some_and(|end| self.clock.now() < end);
            Some(self.mint_id_token(&IdToken {
                user,
                client,
                scope: &allowed.scope,
                nonce: None,
                auth_time: family.auth_time,
                amr: &family.amr,
                session_id: family.session_id.as_ref().filter(|_| lives),
                organization_id: family.organization_id.as_ref(),
                organization_name: facts.organization_name.as_deref(),
                access_token: None,
                code: None,
                custom: Some(&tokens.id_token),
            })?)
        } else {
            None
        };
        let resource =
            (!client.policies().is_empty()).then(|| self.reported_audience(allowed.audience));
        Ok(Granted {
            access_token,
            token_type: TokenType::of(bound_to),
            expires_in,
            scope: allowed.scope.to_string(),
            id_token,
            refresh_token: Some(self.refresh_token(family, generation)?),
            resource,
        })
    }
}

use std::sync::{Arc, atomic::Ordering};

use async_trait::async_trait;
use diesel::connection::SimpleConnection;
use latchkey_protocol::{
    Store,
    attempts::{Allowance, Origin},
    authorization::{Authorization, Context, RefreshFamily, Support},
    bounds,
    claims::{CustomClaims, Mapping},
    client::Client,
    consent::Consent,
    interaction::Interaction,
    names::Login,
    secret::Digest,
    session::{Session, SessionStart, Use},
    store::{BeginOutcome, CommandEvent, KeptRefusal, Result, StoreError, StoredKey, WriteOutcome},
    time::Timestamp,
    user::User,
};

use crate::{
    attempts, authorizations, clients, command_events,
    connection::Database,
    custom_claims, interactions, keys, migrate,
    questions::{AuthorizationOf, CodeOf, Revoked, SessionOf, SupportOf},
    refusals, sessions, space, sweep, users,
};

fn bytes(digest: &Digest) -> Vec<u8> {
    digest.as_bytes().to_vec()
}

#[async_trait]
impl Store for Database {
    async fn create_client(&self, client: &Client) -> Result<bool> {
        let row = clients::Row::from_client(client);
        self.write_one(move |c| clients::create(c, &row)).await
    }

    async fn client(&self, id: &str) -> Result<Option<Arc<Client>>> {
        if let Some(client) = self.clients.get(id) {
            return Ok(Some(client));
        }
        let key = id.to_owned();
        let found = self
            .read(move |c| clients::find(c, &key))
            .await?
            .map(Arc::new);
        if let Some(client) = &found {
            self.clients.insert(id.to_owned(), client.clone());
        }
        Ok(found)
    }

    async fn clients(&self) -> Result<Vec<Client>> {
        self.read(clients::all).await
    }

    async fn update_client_metadata(&self, client: &Client) -> Result<bool> {
        let row = clients::Row::from_client(client);
        let updated = self
            .write_one(move |c| clients::update_metadata(c, &row))
            .await;
        self.clients.invalidate(&client.id);
        updated
    }

    async fn set_client_secret(&self, id: &str, version: i64, secret: &Digest) -> Result<bool> {
        let (key, secret) = (id.to_owned(), bytes(secret));
        let updated = self
            .write_one(move |c| clients::set_secret(c, &key, version, &secret))
            .await;
        self.clients.invalidate(id);
        updated
    }

    async fn delete_client(&self, id: &str) -> Result<bool> {
        let key = id.to_owned();
        let deleted = self.write_one(move |c| clients::delete(c, &key)).await;
        self.clients.invalidate(id);
        deleted
    }

    async fn create_user(&self, user: &User) -> Result<WriteOutcome> {
        let row = users::Row::from_user(user);
        self.write(move |c| users::create(c, &row)).await
    }

    async fn user(&self, id: &str) -> Result<Option<User>> {
        let id = id.to_owned();
        self.read(move |c| users::find(c, &id)).await
    }

    async fn user_by_name(&self, username: &str) -> Result<Option<User>> {
        let name = username.to_owned();
        self.read(move |c| users::find_by_name(c, &name)).await
    }

    async fn users(&self) -> Result<Vec<User>> {
        self.read(users::all).await
    }

    async fn user_by_login(&self, login: &Login) -> Result<Option<User>> {
        let login = login.clone();
        self.read(move |c| users::find_by_login(c, &login)).await
    }

    async fn update_user_profile(&self, before: &User, after: &User) -> Result<WriteOutcome> {
        let (after, version) = (after.clone(), before.version);
        let new_address = before.email != after.email;
        self.write(move |c| {
            let mut row = users::Row::from_user(&after);
            row.version = version;
            users::update_profile(c, row, new_address)
        })
        .await
    }

    async fn set_password(
        &self,
        user_id: &str,
        hash: &str,
        now: Timestamp,
    ) -> Result<Option<usize>> {
        let (id, hash) = (user_id.to_owned(), hash.to_owned());
        self.write(move |c| users::set_password(c, &id, &hash, now))
            .await
    }

    async fn disable_user(&self, user_id: &str, now: Timestamp) -> Result<Option<usize>> {
        let id = user_id.to_owned();
        self.write(move |c| users::disable(c, &id, now)).await
    }

    async fn enable_user(&self, user_id: &str, now: Timestamp) -> Result<bool> {
        let id = user_id.to_owned();
        self.write_one(move |c| users::enable(c, &id, now)).await
    }

    async fn rehash_password(&self, user_id: &str, old: &str, new: &str) -> Result<bool> {
        let (id, old, new) = (user_id.to_owned(), old.to_owned(), new.to_owned());
        self.write_one(move |c| users::rehash(c, &id, &old, &new))
            .await
    }

    async fn delete_user(&self, id: &str) -> Result<bool> {
        let id = id.to_owned();
        self.write_one(move |c| users::delete(c, &id)).await
    }

    async fn sign_in(
        &self,
        session: &Session,
        password_hash: &str,
        replaces: Option<&Digest>,
        interaction: Option<&Digest>,
    ) -> Result<Option<SessionStart>> {
        let (row, hash) = (
            sessions::Row::from_session(session),
            password_hash.to_owned(),
        );
        let (replaces, interaction) = (replaces.map(bytes), interaction.map(bytes));
        self.write(move |c| {
            sessions::sign_in(c, &row, &hash, replaces.as_deref(), interaction.as_deref())
        })
        .await
    }

    async fn session(&self, digest: &Digest, now: Timestamp) -> Result<Option<(Session, User)>> {
        let digest = bytes(digest);
        if let Some(groups) = self.groups() {
            return groups.session.ask(SessionOf { digest, now }).await;
        }
        self.read(move |c| sessions::find(c, &digest, now)).await
    }

    async fn session_of(
        &self,
        sid: &str,
        user_id: &str,
        now: Timestamp,
    ) -> Result<Option<Session>> {
        let (sid, user) = (sid.to_owned(), user_id.to_owned());
        self.read(move |c| sessions::find_of(c, &sid, Some(&user), now))
            .await
    }

    async fn use_session(&self, id: &str, used: Use) -> Result<bool> {
        let id = id.to_owned();
        self.write_one(move |c| sessions::note_use(c, &id, used))
            .await
    }

    async fn sessions(&self, user_id: Option<&str>) -> Result<Vec<Session>> {
        let user = user_id.map(str::to_owned);
        self.read(move |c| sessions::all(c, user.as_deref())).await
    }

    async fn end_session(&self, id: &str, offline: bool, now: Timestamp) -> Result<bool> {
        let id = id.to_owned();
        self.write(move |c| sessions::end(c, &id, offline, now))
            .await
    }

    async fn end_session_of(
        &self,
        sid: &str,
        user_id: Option<&str>,
        offline: bool,
        now: Timestamp,
    ) -> Result<Option<Session>> {
        let (sid, user) = (sid.to_owned(), user_id.map(str::to_owned));
        self.write(move |c| sessions::end_of(c, &sid, user.as_deref(), offline, now))
            .await
    }

    async fn end_user(&self, user_id: &str, now: Timestamp) -> Result<usize> {
        let id = user_id.to_owned();
        self.write(move |c| sessions::end_all_of(c, &id, now)).await
    }

    async fn begin_interaction(
        &self,
        interaction: &Interaction,
        from: &Origin,
    ) -> Result<BeginOutcome> {
        let row = interactions::Row::from_interaction(interaction, from);
        if row.is_too_large() {
            return Ok(BeginOutcome::TooLarge);
        }
        let of_all = self.begun.load(Ordering::Relaxed);
        if of_all >= bounds::BEGUN_AT_MOST {
            return Ok(BeginOutcome::Full);
        }
        let (network, neighbourhood) = (bytes(&from.network), bytes(&from.neighbourhood));
        let (now, cost) = (interaction.created_at, row.cost());
        // Asked once a second, so that whoever goes on where there is no room costs nothing.
        if self.full_networks.get(&network) == Some(now) {
            return Ok(BeginOutcome::NetworkFull);
        }
        let crowded = of_all >= bounds::BEGUN_BY_ALL;
        if crowded && self.full_networks.get(&neighbourhood) == Some(now) {
            return Ok(BeginOutcome::NeighbourhoodFull);
        }
        let begun = self
            .write(move |c| interactions::begin(c, &row, crowded))
            .await?;
        match begun {
            BeginOutcome::Begun => _ = self.begun.fetch_add(cost, Ordering::Relaxed),
            BeginOutcome::NetworkFull => self.full_networks.insert(network, now),
            BeginOutcome::NeighbourhoodFull => self.full_networks.insert(neighbourhood, now),
            BeginOutcome::TooLarge | BeginOutcome::Full => {}
        }
        Ok(begun)
    }

    async fn interaction(&self, digest: &Digest) -> Result<Option<Interaction>> {
        let digest = bytes(digest);
        self.read(move |c| interactions::find(c, &digest)).await
    }

    async fn renew_browser(&self, old: &Digest, new: &Digest, now: Timestamp) -> Result<bool> {
        let (old, new) = (bytes(old), bytes(new));
        self.write_one(move |c| interactions::renew_browser(c, &old, &new, now))
            .await
    }

    async fn select_account(&self, digest: &Digest, session_id: &str) -> Result<bool> {
        let (digest, session) = (bytes(digest), session_id.to_owned());
        self.write_one(move |c| interactions::select_account(c, &digest, &session))
            .await
    }

    async fn record_consent(
        &self,
        digest: &Digest,
        session_id: &str,
        consent: &Consent,
    ) -> Result<bool> {
        let (digest, session, consent) = (bytes(digest), session_id.to_owned(), consent.clone());
        self.write(move |c| interactions::record_consent(c, &digest, &session, &consent))
            .await
    }

    async fn decline(&self, digest: &Digest, session_id: &str) -> Result<bool> {
        let (digest, session) = (bytes(digest), session_id.to_owned());
        self.write_one(move |c| interactions::decline(c, &digest, &session))
            .await
    }

    async fn consent(&self, user_id: &str, client_id: &str) -> Result<Option<Consent>> {
        let (user, client) = (user_id.to_owned(), client_id.to_owned());
        self.read(move |c| interactions::find_consent(c, &user, &client))
            .await
    }

    async fn issue_code(
        &self,
        interaction: Option<&Digest>,
        authorization: &Authorization,
    ) -> Result<bool> {
        let digest = interaction.map(bytes);
        let row = Arc::new(authorizations::Row::from_authorization(authorization));
        if self.groups().is_some() {
            let (digest, row) = (digest.clone(), row.clone());
            let at_once =
                move |c: &mut _| authorizations::issue_at_once(c, digest.as_deref(), &row);
            if self.write_one(at_once).await? {
                return Ok(true);
            }
        }
        self.write(move |c| authorizations::issue(c, digest.as_deref(), &row))
            .await
    }

    async fn end_interaction(&self, digest: &Digest) -> Result<()> {
        let digest = bytes(digest);
        self.write_one(move |c| interactions::delete(c, &digest))
            .await
            .map(|_| ())
    }

    async fn authorization_by_code(&self, code: &Digest) -> Result<Option<Context>> {
        let code = bytes(code);
        if let Some(groups) = self.groups() {
            return groups.by_code.ask(CodeOf(code)).await;
        }
        self.read(move |c| authorizations::find_by_code(c, &code))
            .await
    }

    async fn authorization(&self, id: &str) -> Result<Option<Context>> {
        let id = id.to_owned();
        if let Some(groups) = self.groups() {
            return groups.by_id.ask(AuthorizationOf(id)).await;
        }
        self.read(move |c| authorizations::find(c, &id)).await
    }

    async fn support(&self, id: &str, jti: &str) -> Result<Option<Support>> {
        let (id, jti) = (id.to_owned(), jti.to_owned());
        if let Some(groups) = self.groups() {
            return groups.support.ask(SupportOf { id, jti }).await;
        }
        self.read(move |c| authorizations::support(c, &id, &jti))
            .await
    }

    async fn exchange_code(
        &self,
        id: &str,
        now: Timestamp,
        refresh: Option<&RefreshFamily>,
        expires_at: Timestamp,
    ) -> Result<bool> {
        let (id, refresh) = (id.to_owned(), refresh.cloned());
        self.write_one(move |c| authorizations::exchange(c, &id, now, refresh.as_ref(), expires_at))
            .await
    }

    async fn rotate_refresh_token(
        &self,
        id: &str,
        expected: &Digest,
        next: &RefreshFamily,
    ) -> Result<bool> {
        let (id, expected, next) = (id.to_owned(), bytes(expected), next.clone());
        self.write_one(move |c| authorizations::rotate(c, &id, &expected, &next))
            .await
    }

    async fn revoke_authorization(&self, id: &str, now: Timestamp) -> Result<()> {
        let id = id.to_owned();
        self.write_one(move |c| authorizations::revoke(c, &id, now))
            .await
    }

    async fn revoke_access_token(&self, jti: &str, expires_at: Timestamp) -> Result<()> {
        let jti = jti.to_owned();
        if let Some(groups) = self.groups() {
            let revoked = Revoked { jti, expires_at };
            return groups.revoke.ask(revoked).await.map(|_| ());
        }
        self.write_one(move |c| authorizations::revoke_access_token(c, &jti, expires_at))
            .await
    }

    async fn is_access_token_revoked(&self, jti: &str) -> Result<bool> {
        let jti = jti.to_owned();
        self.read(move |c| authorizations::is_access_token_revoked(c, &jti))
            .await
    }

    async fn custom_claims(&self) -> Result<CustomClaims> {
        self.read(custom_claims::all).await
    }

    async fn set_custom_claim(&self, name: &str, mapping: &Mapping) -> Result<bool> {
        let text = serde_json::to_string(mapping)
            .map_err(|error| StoreError::Failed(error.to_string()))?;
        let name = name.to_owned();
        self.write(move |c| custom_claims::set(c, &name, &text))
            .await
    }

    async fn remove_custom_claim(&self, name: &str) -> Result<bool> {
        let name = name.to_owned();
        self.write_one(move |c| custom_claims::remove(c, &name))
            .await
    }

    async fn signing_keys(&self) -> Result<Vec<StoredKey>> {
        self.read(keys::all).await
    }

    async fn add_first_key(&self, key: &StoredKey) -> Result<bool> {
        let row = keys::Row::from_key(key);
        self.write(move |c| keys::add_first(c, &row)).await
    }

    async fn rotate_key(&self, key: &StoredKey, others_retire_at: Timestamp) -> Result<()> {
        let row = keys::Row::from_key(key);
        self.write(move |c| keys::rotate(c, &row, others_retire_at))
            .await
    }

    async fn succeed_key(
        &self,
        key: &StoredKey,
        others_retire_at: Timestamp,
        predecessor: Option<&str>,
    ) -> Result<bool> {
        let (row, predecessor) = (keys::Row::from_key(key), predecessor.map(str::to_owned));
        self.write(move |c| keys::succeed(c, &row, others_retire_at, predecessor.as_deref()))
            .await
    }

    async fn retire_key(&self, kid: &str, at: Timestamp) -> Result<bool> {
        let kid = kid.to_owned();
        self.write(move |c| keys::retire(c, &kid, at)).await
    }

    async fn add_command_event(&self, event: &CommandEvent) -> Result<()> {
        let row = command_events::Row::from_event(event);
        self.write_one(move |c| command_events::add(c, &row)).await
    }

    async fn command_events(&self, most: i64) -> Result<Vec<CommandEvent>> {
        self.read(move |c| command_events::oldest(c, most)).await
    }

    async fn forget_command_events(&self, ids: &[String]) -> Result<()> {
        let ids = ids.to_vec();
        self.write_one(move |c| command_events::forget(c, &ids))
            .await
    }

    async fn reserve_attempts(
        &self,
        allowances: &[Allowance],
        now: Timestamp,
    ) -> Result<Option<Digest>> {
        let mut allowed: Vec<_> = allowances.iter().map(|a| (bytes(&a.key), a.most)).collect();
        allowed.sort();
        let used_up = self
            .write(move |c| attempts::reserve(c, &allowed, now))
            .await?;
        Ok(used_up.map(Digest::from_stored))
    }

    async fn give_back_attempts(
        &self,
        keys: &[Digest],
        clear: bool,
        reserved: Timestamp,
    ) -> Result<()> {
        let mut keys: Vec<_> = keys.iter().map(bytes).collect();
        let cleared = keys.first().filter(|_| clear).cloned();
        keys.sort();
        self.write(move |c| attempts::give_back(c, &keys, cleared.as_ref(), reserved))
            .await
    }

    async fn keep_refusal(&self, refusal: &KeptRefusal) -> Result<()> {
        let row = refusals::Row::from_refusal(refusal);
        self.write_one(move |c| refusals::keep(c, &row)).await
    }

    async fn refusal(&self, reference: &str) -> Result<Option<KeptRefusal>> {
        let reference = reference.to_owned();
        self.read(move |c| refusals::find(c, &reference)).await
    }

    async fn sweep(&self, now: Timestamp, most: i64) -> Result<usize> {
        let (gone, begun) = self
            .write(move |c| Ok((sweep::sweep(c, now, most)?, sweep::begun(c)?)))
            .await?;
        self.begun.store(begun, Ordering::Relaxed);
        self.write_one(space::shrink).await?;
        if let Some(path) = self.sqlite_path() {
            space::bound_log(path);
        }
        Ok(gone)
    }

    async fn ready(&self) -> Result<bool> {
        if let Some(groups) = self.groups() {
            // They have connections of their own, for which the server may have no room.
            let (digest, now) = (Vec::new(), 0);
            groups.session.ask(SessionOf { digest, now }).await?;
            let (id, jti) = (String::new(), String::new());
            groups.support.ask(SupportOf { id, jti }).await?;
        }
        self.read(|c| {
            c.batch_execute("SELECT 1")?;
            Ok(migrate::pending(c).is_ok_and(|pending| pending.is_empty()))
        })
        .await
    }
}

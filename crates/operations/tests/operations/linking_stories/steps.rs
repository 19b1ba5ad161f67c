//! What the people of a story do about their identities, and the judge of whose account that leads to.

use super::*;

impl Story {
    /// What the provider says: the truth, or whatever it is told.
    fn said(&self, who: usize, provider: usize, address: &str) -> UpstreamProfile {
        let is_said = PROVIDERS[provider].0 == "lies" || self.reads(who, address);
        UpstreamProfile {
            username: Some(ADDRESSES[who].to_owned()),
            email: is_said.then(|| address.to_owned()),
            email_verified: is_said,
            ..UpstreamProfile::default()
        }
    }

    /// Signs in elsewhere, and judges whose account that led to. The interaction.
    pub async fn arrive(&mut self, who: usize, provider: usize, address: &str) -> String {
        let interaction = format!("i{}", self.steps);
        begin(&self.world.store, &interaction).await;
        self.arrive_in(&interaction, who, provider, address).await;
        interaction
    }

    pub async fn arrive_in(
        &mut self,
        interaction: &str,
        who: usize,
        provider: usize,
        address: &str,
    ) {
        let provider_of = self.providers[provider].clone();
        let profile = self.said(who, provider, address);
        let sign_in = UpstreamSignIn {
            store: self.world.store.clone(),
            entropy: Arc::new(OsEntropy),
            lifetimes: LIFETIMES,
        };
        let arrival = Arrival {
            upstream: &provider_of,
            key: IdentityKey {
                issuer: provider_of.issuer().to_owned(),
                subject: format!("person {who}"),
            },
            profile: profile.clone(),
            sid: None,
            auth_time: None,
            address: Ipv4Addr::LOCALHOST.into(),
            device: Device::default(),
            replaces: None,
            interaction: &Digest::of(interaction),
            client_id: &ClientId::new("c"),
            request_id: "",
            now: self.world.now,
        };
        let before = self.before().await;
        if let Arrived::SignedIn(signed_in) = sign_in.arrive(&arrival).await.unwrap() {
            let user = signed_in.0.id.clone();
            self.judge(who, provider, &profile, &user, before.get(user.as_str()));
        }
    }

    /// Every account as it is.
    async fn before(&self) -> BTreeMap<String, User> {
        let mut all = BTreeMap::new();
        for id in &self.accounts {
            let user = self.world.store.user(id).await.unwrap().unwrap();
            all.insert(id.to_string(), user);
        }
        all
    }

    /// Somebody has a session of an account. It was made for them, or they have proven it before, or they read the mail of its
    /// proven address at this moment and the provider may link by that.
    fn judge(
        &mut self,
        who: usize,
        provider: usize,
        profile: &UpstreamProfile,
        id: &UserId,
        before: Option<&User>,
    ) {
        self.signed_in += 1;
        let Some(user) = before else {
            self.proven.insert(id.to_string(), BTreeSet::from([who]));
            self.accounts.push(id.clone());
            return;
        };
        assert!(
            user.disabled_at.is_none(),
            "a locked account was signed in to"
        );
        if self.proven[id.as_str()].contains(&who) {
            return;
        }
        let own = user.email.as_deref().unwrap_or_default();
        let said = profile.email.as_deref().unwrap_or_default();
        let reads_its_mail = self.reads(who, own)
            && user.claims.get("email_verified") == Some(&true.into())
            && own.eq_ignore_ascii_case(said);
        let may_link = PROVIDERS[provider].0 == "links" && user.roles.is_empty();
        assert!(
            reads_its_mail && may_link,
            "person {who} got the account of {:?} at {}",
            self.proven[id.as_str()],
            PROVIDERS[provider].0
        );
        self.proven.entry(id.to_string()).or_default().insert(who);
    }

    /// Signs in with the password of an account in the interaction, if they know it, and has what waits linked.
    pub async fn prove(&mut self, who: usize, interaction: &str, account: usize) {
        let Some(id) = self.account(account) else {
            return;
        };
        let store = self.world.store.clone();
        let digest = Digest::of(interaction);
        if self.passwords.get(id.as_str()) == Some(&who) {
            let secret = Secret::generate(&OsEntropy);
            let sid = SessionId::new(new_id(self.world.now, &OsEntropy));
            let (user, now) = (id.clone(), self.world.now);
            let session = Session::begin(sid, secret.digest(), user, false, &LIFETIMES, now);
            let hash = format!("hash {who}");
            store
                .sign_in(&session, &hash, None, Some(&digest))
                .await
                .unwrap();
        }
        self.finish(who, interaction).await;
    }

    /// Says yes to what waits. It came with them: it leads to no account but one that they have proven.
    pub async fn finish(&mut self, who: usize, interaction: &str) {
        let digest = Digest::of(interaction);
        let finished = self
            .world
            .store
            .finish_pending_link(&digest, self.world.now)
            .await
            .unwrap();
        if let Some((LinkOutcome::Linked, identity)) = finished {
            let owners = &self.proven[identity.user_id.as_str()];
            let subject = &identity.key.subject;
            let is_proven = owners
                .iter()
                .any(|owner| *subject == format!("person {owner}"));
            assert!(
                is_proven,
                "{subject} ({who} asked) was linked to an account of {owners:?}"
            );
        }
    }

    pub async fn unlink(&mut self, account: usize) {
        let Some(id) = self.account(account) else {
            return;
        };
        let (store, now) = (self.world.store.clone(), self.world.now);
        let identities = store.identities(&id).await.unwrap();
        if let Some(identity) = identities.first() {
            let unlinked = store.unlink_identity(&id, &identity.key, false, now);
            unlinked.await.unwrap();
            let user = store.user(&id).await.unwrap().unwrap();
            let left = store.identities(&id).await.unwrap();
            assert!(
                user.password_hash.is_some() || !left.is_empty(),
                "a way in stays"
            );
        }
    }
}

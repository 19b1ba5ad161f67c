//! Why a token or an answer has a claim, or has not: told of what was made, by the same mappings and scopes.

use serde::Serialize;
use serde_json::{Map, Value};

use super::{CustomClaims, Mapping, Place, Source, standard_scope, userinfo::standard_names};
use crate::{ScopeSet, client::Client, client::IdTokenClaims, user::User};

/// Why a claim is there, or is not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "because", content = "scope")]
pub enum ClaimGround {
    /// It is there: a claim of the protocol.
    Protocol,
    /// It is there: this granted scope gives it.
    Scope(String),
    /// It is there: a custom claim for all clients, by this granted scope.
    CustomForAll(String),
    /// It is there: a custom claim of this client, by this granted scope.
    CustomOwn(String),
    /// It is there: the roles of the client itself.
    ClientRoles,
    /// It is not: this scope gives it, and was not asked for.
    ScopeNotAsked(String),
    /// It is not: this scope gives it, and the client may not have it.
    ScopeNotAllowed(String),
    /// It is not: its scope was granted, and the user has no value for it.
    NoValue,
    /// It is not: the client has `id_token_claims` `minimal`.
    IdTokenMinimal,
    /// It is not: it is said in other places.
    OtherPlace,
    /// It is not: it speaks of a user, and there is none.
    NoUser,
}

impl ClaimGround {
    /// As JSON writes it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Protocol => "protocol",
            Self::Scope(_) => "scope",
            Self::CustomForAll(_) => "custom_for_all",
            Self::CustomOwn(_) => "custom_own",
            Self::ClientRoles => "client_roles",
            Self::ScopeNotAsked(_) => "scope_not_asked",
            Self::ScopeNotAllowed(_) => "scope_not_allowed",
            Self::NoValue => "no_value",
            Self::IdTokenMinimal => "id_token_minimal",
            Self::OtherPlace => "other_place",
            Self::NoUser => "no_user",
        }
    }

    /// The scope that decides it, where one does.
    pub fn scope(&self) -> Option<&str> {
        match self {
            Self::Scope(scope)
            | Self::CustomForAll(scope)
            | Self::CustomOwn(scope)
            | Self::ScopeNotAsked(scope)
            | Self::ScopeNotAllowed(scope) => Some(scope),
            Self::Protocol
            | Self::ClientRoles
            | Self::NoValue
            | Self::IdTokenMinimal
            | Self::OtherPlace
            | Self::NoUser => None,
        }
    }
}

/// A claim in one place, and why it is there or is not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExplainedClaim {
    /// Its name.
    pub claim: String,
    /// Where.
    #[serde(rename = "in")]
    pub place: Place,
    /// Whether it is there.
    #[serde(rename = "said")]
    pub is_said: bool,
    /// Why.
    #[serde(flatten)]
    pub ground: ClaimGround,
}

/// What claims are decided by.
#[derive(Clone, Copy)]
pub struct ClaimRules<'a> {
    /// Who asks.
    pub client: &'a Client,
    /// Of whom; nobody where the client asks for itself.
    pub user: Option<&'a User>,
    /// The mappings for all clients.
    pub for_all: &'a CustomClaims,
    /// What was granted.
    pub granted: &'a ScopeSet,
}

impl ClaimRules<'_> {
    /// Each claim that `said` has in this place, or could have.
    pub fn explain(&self, place: Place, said: &Map<String, Value>) -> Vec<ExplainedClaim> {
        let mut names: Vec<&str> = said.keys().map(String::as_str).collect();
        let own = &self.client.metadata.custom_claims;
        let mut others: Vec<&str> = standard_names().collect();
        others.extend(own.names());
        others.extend(self.for_all.names());
        for name in others {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        let explained = names.into_iter().map(|name| ExplainedClaim {
            claim: name.to_owned(),
            place,
            is_said: said.contains_key(name),
            ground: match said.contains_key(name) {
                true => self.why_said(place, name),
                false => self.why_not(place, name),
            },
        });
        explained.collect()
    }

    /// The mapping of this name that holds for the client, and whether it is the client's own.
    fn mapping(&self, name: &str) -> Option<(&Mapping, bool)> {
        let own = self.client.metadata.custom_claims.0.get(name);
        let own = own.map(|mapping| (mapping, true));
        own.or_else(|| Some((self.for_all.0.get(name)?, false)))
    }

    /// The scope that gives a claim of every user in this place.
    fn standard(&self, place: Place, name: &str) -> Option<&'static str> {
        let is_list = ["groups", "roles"].contains(&name);
        standard_scope(name).filter(|_| match place {
            Place::IdToken => self.client.metadata.id_token_claims == IdTokenClaims::All,
            Place::Userinfo => true,
            Place::AccessToken => is_list,
        })
    }

    fn why_said(&self, place: Place, name: &str) -> ClaimGround {
        if let Some((mapping, is_own)) = self.mapping(name)
            && mapping.places.contains(&place)
            && self.granted.contains(&mapping.scope)
        {
            let scope = mapping.scope.clone();
            return match is_own {
                true => ClaimGround::CustomOwn(scope),
                false => ClaimGround::CustomForAll(scope),
            };
        }
        match self.standard(place, name) {
            Some(_) if self.user.is_none() => ClaimGround::ClientRoles,
            Some(scope) => ClaimGround::Scope(scope.to_owned()),
            None => ClaimGround::Protocol,
        }
    }

    fn why_not(&self, place: Place, name: &str) -> ClaimGround {
        if let Some((mapping, _)) = self.mapping(name)
            && mapping.places.contains(&place)
        {
            let needs_user = !matches!(mapping.source, Source::Value(_));
            return self.not_given(&mapping.scope, needs_user);
        }
        if let Some(scope) = self.standard(place, name) {
            return self.not_given(scope, true);
        }
        match place == Place::IdToken && standard_scope(name).is_some() {
            true => ClaimGround::IdTokenMinimal,
            false => ClaimGround::OtherPlace,
        }
    }

    fn not_given(&self, scope: &str, needs_user: bool) -> ClaimGround {
        if needs_user && self.user.is_none() {
            return ClaimGround::NoUser;
        }
        match (self.granted.contains(scope), self.client.knows_scope(scope)) {
            (true, _) => ClaimGround::NoValue,
            (false, true) => ClaimGround::ScopeNotAsked(scope.to_owned()),
            (false, false) => ClaimGround::ScopeNotAllowed(scope.to_owned()),
        }
    }
}

//! What describes a user, and how it is changed.

use serde_json::{Map, Value};

use crate::{
    claims::{check_attributes, check_claims},
    field_error::{FieldError, FieldErrors},
    names,
    time::Timestamp,
    user::User,
};

/// A change that an administrator makes to a user's profile; what is not named stays.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ProfileChange {
    /// `Some(None)` takes the address away.
    pub email: Option<Option<String>>,
    /// Whether an address that is given here counts as the user's own unproven.
    pub email_unverified: bool,
    /// The display name.
    pub name: Option<String>,
    /// These roles and no others.
    pub roles: Option<Vec<String>>,
    /// These groups and no others.
    pub groups: Option<Vec<String>>,
    /// These claims and no others.
    pub replace_claims: Option<Map<String, Value>>,
    /// These claims besides; null takes one away.
    pub merge_claims: Map<String, Value>,
    /// These attributes and no others.
    pub replace_attributes: Option<Map<String, Value>>,
    /// These attributes besides; null takes one away.
    pub merge_attributes: Map<String, Value>,
}

impl ProfileChange {
    /// The user as they are afterwards.
    ///
    /// An address counts as verified when the administrator enters it, unless they say otherwise. A telephone number that
    /// changes does not keep what was proven of the one before (OpenID Connect Core 5.1), also where all claims are given
    /// anew and that one has not changed.
    ///
    /// # Errors
    /// Every fault: an address that is none, claims of the wrong type.
    pub fn apply(&self, user: &User, now: Timestamp) -> Result<User, FieldErrors> {
        let mut faults = Vec::new();
        let mut after = user.clone();
        after.updated_at = now;
        let verified_before = user.claims.get("email_verified").cloned();
        if let Some(claims) = &self.replace_claims {
            after.claims.clone_from(claims);
        }
        merge(&mut after.claims, &self.merge_claims);
        if let Some(attributes) = &self.replace_attributes {
            after.attributes.clone_from(attributes);
        }
        merge(&mut after.attributes, &self.merge_attributes);
        after.attributes.retain(|_, value| !value.is_null());
        let given = |name: &str| {
            self.merge_claims.contains_key(name)
                || self
                    .replace_claims
                    .as_ref()
                    .is_some_and(|claims| claims.contains_key(name))
        };
        // An address given among the claims is the address: one user for each. One from before stays what it was.
        let among_claims = if given("email") {
            after.claims.remove("email")
        } else {
            None
        };
        let email = match (&self.email, among_claims) {
            (None, Some(Value::String(email))) => Some(Some(email)),
            (None, Some(_)) => {
                faults.push(FieldError::new("email", "email must be a text").id("email-unfit"));
                None
            }
            (given, _) => given.clone(),
        };
        if let Some(email) = email {
            let address = email.map(|email| names::email(&email)).transpose();
            after.email = address.unwrap_or_else(|problem| {
                faults.push(FieldError::new("email", problem).id("email-unfit"));
                None
            });
            match (&after.email, self.email_unverified) {
                (None, _) => drop(after.claims.remove("email_verified")),
                (Some(_), true) => drop(after.claims.insert("email_verified".into(), false.into())),
                (Some(_), false) if given("email_verified") => {}
                (Some(_), false) => drop(after.claims.insert("email_verified".into(), true.into())),
            }
        } else if self.email_unverified {
            after.claims.insert("email_verified".into(), false.into());
        } else if let Some(known) = verified_before.filter(|_| !given("email_verified")) {
            after.claims.insert("email_verified".into(), known);
        }
        self.drop_proof_of_number(user, &mut after);
        if let Some(name) = &self.name {
            after.name = Some(name.clone()).filter(|name| !name.is_empty());
        }
        after.roles = self.roles.clone().unwrap_or(after.roles);
        after.groups = self.groups.clone().unwrap_or(after.groups);
        faults.extend(check_claims(&after.claims));
        faults.extend(check_attributes(&after.attributes));
        FieldErrors::check(faults)?;
        Ok(after)
    }

    /// A form and a replacement give back what they were shown: that says nothing of another number.
    fn drop_proof_of_number(&self, before: &User, after: &mut User) {
        let verified = "phone_number_verified";
        let is_said = self.merge_claims.contains_key(verified)
            || before.claims.get(verified) != after.claims.get(verified);
        if before.claims.get("phone_number") != after.claims.get("phone_number") && !is_said {
            after.claims.remove(verified);
        }
    }
}

fn merge(into: &mut Map<String, Value>, changes: &Map<String, Value>) {
    for (name, value) in changes {
        match value {
            Value::Null => into.remove(name),
            value => into.insert(name.clone(), value.clone()),
        };
    }
}

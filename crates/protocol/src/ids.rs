//! Ids: what names one record of one kind, and can name none of another.

use std::{borrow::Borrow, fmt, ops::Deref};

use serde::{Deserialize, Serialize};

/// A type for the ids of one kind of record. Its text is read as any other; another kind of id, or a text of which nobody
/// has said what it names, cannot stand for it.
macro_rules! id {
    ($(#[$about:meta])* $name:ident) => {
        $(#[$about])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// What this text names: as it was made, stored, or presented by whoever that was.
            pub fn new(text: impl Into<String>) -> Self {
                Self(text.into())
            }

            /// As it is written.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// As it is written, for a column.
            pub fn into_string(self) -> String {
                self.0
            }
        }

        impl Deref for $name {
            type Target = str;

            fn deref(&self) -> &str {
                &self.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl PartialEq<str> for $name {
            fn eq(&self, text: &str) -> bool {
                self.0 == text
            }
        }

        impl PartialEq<&str> for $name {
            fn eq(&self, text: &&str) -> bool {
                self.0 == *text
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }
    };
}

id! {
    /// The id of a [`crate::session::Session`]: the public `sid` (OpenID Connect Front-Channel Logout 3).
    ///
    /// ```
    /// # use latchkey_protocol::{SessionId, Store, Timestamp, session::Session};
    /// # async fn of(store: &dyn Store, session: &Session, now: Timestamp) {
    /// let found = store.session_of(&session.id, &session.user_id, now).await;
    /// # }
    /// let id = SessionId::new("1f0d");
    /// assert_eq!(format!("{id} {id:?}"), "1f0d \"1f0d\"");
    /// ```
    ///
    /// Arguments that changed places do not compile:
    ///
    /// ```compile_fail,E0308
    /// # use latchkey_protocol::{SessionId, Store, Timestamp, session::Session};
    /// # async fn of(store: &dyn Store, session: &Session, now: Timestamp) {
    /// let found = store.session_of(&session.user_id, &session.id, now).await;
    /// # }
    /// ```
    SessionId
}

id! {
    /// The `client_id` of a [`crate::client::Client`] (RFC 6749 2.2), registered or not.
    ///
    /// ```
    /// # use latchkey_protocol::{ClientId, Store, Timestamp, UserId};
    /// # async fn of(store: &dyn Store, user: &UserId, client: &ClientId, now: Timestamp) {
    /// let ended = store.revoke_consent(user, client, now).await;
    /// # }
    /// ```
    ///
    /// Arguments that changed places do not compile:
    ///
    /// ```compile_fail,E0308
    /// # use latchkey_protocol::{ClientId, Store, Timestamp, UserId};
    /// # async fn of(store: &dyn Store, user: &UserId, client: &ClientId, now: Timestamp) {
    /// let ended = store.revoke_consent(client, user, now).await;
    /// # }
    /// ```
    ClientId
}

id! {
    /// The id of a [`crate::user::User`]. Not what clients know them by, and not what they type: see [`crate::Subject`] and
    /// [`crate::names`].
    ///
    /// ```
    /// # use latchkey_protocol::{Store, Timestamp, UserId};
    /// # async fn of(store: &dyn Store, user: &UserId, now: Timestamp) {
    /// let ended = store.end_user(user, now).await;
    /// # }
    /// ```
    ///
    /// A subject is no user's id, nor is the text of one or a name:
    ///
    /// ```compile_fail,E0308
    /// # use latchkey_protocol::{Store, Subject, Timestamp};
    /// # async fn of(store: &dyn Store, subject: &Subject, now: Timestamp) {
    /// let ended = store.end_user(subject, now).await;
    /// # }
    /// ```
    ///
    /// ```compile_fail,E0308
    /// # use latchkey_protocol::{Store, Timestamp, user::User};
    /// # async fn of(store: &dyn Store, user: &User, now: Timestamp) {
    /// let ended = store.end_user(&user.username, now).await;
    /// # }
    /// ```
    UserId
}

id! {
    /// The id of an [`crate::authorization::Authorization`]: what its tokens hang on.
    ///
    /// ```
    /// # use latchkey_protocol::{Store, Timestamp, authorization::Authorization};
    /// # async fn of(store: &dyn Store, given: &Authorization, now: Timestamp) {
    /// let ended = store.revoke_authorization(&given.id, now).await;
    /// # }
    /// ```
    ///
    /// The client that it was given to does not stand for it, nor does the name of one of its tokens:
    ///
    /// ```compile_fail,E0308
    /// # use latchkey_protocol::{Store, Timestamp, authorization::Authorization};
    /// # async fn of(store: &dyn Store, given: &Authorization, now: Timestamp) {
    /// let ended = store.revoke_authorization(&given.client_id, now).await;
    /// # }
    /// ```
    ///
    /// ```compile_fail,E0308
    /// # use latchkey_protocol::{Store, Timestamp, claims::AccessToken};
    /// # async fn of(store: &dyn Store, token: &AccessToken, now: Timestamp) {
    /// let ended = store.revoke_authorization(&token.jti, now).await;
    /// # }
    /// ```
    AuthorizationId
}

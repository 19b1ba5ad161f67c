//! The tables, as diesel sees them.

diesel::table! {
    bff_sessions (key) {
        key -> Binary,
        sealed -> Text,
        version -> BigInt,
        subject -> Binary,
        sid -> Nullable<Binary>,
        expires_at -> BigInt,
        lease_owner -> Nullable<Text>,
        lease_until -> Nullable<BigInt>,
        used_at -> BigInt,
    }
}

diesel::table! {
    bff_ended (name) {
        name -> Binary,
        ended_at -> BigInt,
        until_at -> BigInt,
    }
}

diesel::table! {
    bff_logout_tokens (jti) {
        jti -> Binary,
        until_at -> BigInt,
    }
}

diesel::table! {
    bff_sign_ins (state) {
        state -> Binary,
        until_at -> BigInt,
    }
}

//! Apps without a secret, machines, and APIs.

use latchkey_protocol::{paths, uri::host};

use super::{Recipe, Values, quoted, recipe};
use crate::shell::word;

pub fn oidc_client_ts(v: &Values<'_>) -> Recipe {
    let after = v.client.metadata.post_logout_redirect_uris.first();
    let after = after.map_or_else(String::new, |after| {
        format!("  post_logout_redirect_uri: {},\n", quoted(after))
    });
    let text = format!(
        "const users = new oidc.UserManager({{\n  authority: {},\n  client_id: {},\n  redirect_uri: {},\n{after}  scope: {},\n}})\n",
        quoted(v.issuer),
        v.id(),
        quoted(&v.redirect),
        quoted(&v.scope)
    );
    recipe("oidc-client-ts", "oidc-client-ts", "settings.js", text)
}

pub fn app_auth_android(v: &Values<'_>) -> Recipe {
    let scheme = v.redirect.split(':').next().unwrap_or_default();
    let text = format!(
        "// build.gradle: manifestPlaceholders = ['appAuthRedirectScheme': {}]\n\
         AuthorizationServiceConfiguration.fetchFromIssuer(Uri.parse({}), (configuration, failure) -> {{\n  \
         AuthorizationRequest request = new AuthorizationRequest.Builder(\n      configuration, {}, ResponseTypeValues.CODE, Uri.parse({}))\n      \
         .setScope({})\n      .build();\n}});\n",
        quoted(scheme),
        quoted(v.issuer),
        v.id(),
        quoted(&v.redirect),
        quoted(&v.scope)
    );
    recipe("AppAuth (Android)", "", "Java", text)
}

pub fn app_auth_ios(v: &Values<'_>) -> Recipe {
    let text = format!(
        "OIDAuthorizationService.discoverConfiguration(forIssuer: URL(string: {})!) {{ configuration, failure in\n  \
         let request = OIDAuthorizationRequest(configuration: configuration!,\n    clientId: {},\n    scopes: {},\n    \
         redirectURL: URL(string: {})!,\n    responseType: OIDResponseTypeCode,\n    additionalParameters: nil)\n}}\n",
        quoted(v.issuer),
        v.id(),
        v.scopes("[", "]"),
        quoted(&v.redirect)
    );
    recipe("AppAuth (iOS, macOS)", "", "Swift", text)
}

/// Of an address that the app listens at itself. Whatever its port is, the one that is registered fits (RFC 8252 7.3).
pub fn app_auth_node(v: &Values<'_>) -> Recipe {
    const USUAL: &str = "http://127.0.0.1/callback";
    let uris = &v.client.metadata.redirect_uris;
    let own = uris.iter().find(|uri| is_own_address(uri));
    let text = format!(
        "export const issuer = {}\nexport const settings = {{\n  client_id: {},\n  redirect_uri: {},\n  response_type: 'code',\n  scope: {},\n}}\n",
        quoted(v.issuer),
        v.id(),
        quoted(own.map_or(USUAL, String::as_str)),
        quoted(&v.scope)
    );
    Recipe {
        missing_redirect: own.is_none().then(|| USUAL.to_owned()),
        ..recipe(
            "AppAuth (Electron, Node.js)",
            "appauth",
            "settings.mjs",
            text,
        )
    }
}

fn is_own_address(uri: &str) -> bool {
    let host = host(uri).unwrap_or_default();
    uri.starts_with("http://") && ["127.0.0.1", "[::1]", "localhost"].contains(&&*host)
}

pub fn jose(v: &Values<'_>) -> Recipe {
    let text = format!(
        "const keys = createRemoteJWKSet(new URL({}))\nconst {{ payload }} = await jwtVerify(token, keys, {{\n  issuer: {},\n  audience: {},\n  \
         typ: 'at+jwt',\n  algorithms: ['RS256'],\n  requiredClaims: ['exp', 'sub'],\n}})\n",
        quoted(&v.at(paths::JWKS)),
        quoted(v.issuer),
        v.audience()
    );
    recipe("jose (an API in Node.js)", "jose", "api.mjs", text)
}

pub fn pyjwt(v: &Values<'_>) -> Recipe {
    let text = format!(
        "keys = jwt.PyJWKClient({})\nif jwt.get_unverified_header(token).get(\"typ\") != \"at+jwt\":\n    \
         raise jwt.InvalidTokenError(\"not an access token\")\nclaims = jwt.decode(\n    token, keys.get_signing_key_from_jwt(token), algorithms=[\"RS256\"],\n    \
         issuer={}, audience={}, options={{\"require\": [\"exp\", \"sub\"]}},\n)\n",
        quoted(&v.at(paths::JWKS)),
        quoted(v.issuer),
        v.audience()
    );
    recipe("PyJWT (an API in Python)", "pyjwt", "api.py", text)
}

pub fn spring_api(v: &Values<'_>) -> Recipe {
    let text = format!(
        "spring:\n  security:\n    oauth2:\n      resourceserver:\n        jwt:\n          issuer-uri: {}\n          audiences: {}\n",
        quoted(v.issuer),
        v.audience()
    );
    recipe(
        "Spring Boot (an API in Java)",
        "spring-resource-server",
        "application.yaml",
        text,
    )
}

pub fn curl_token(v: &Values<'_>) -> Recipe {
    let text = format!(
        "curl {} -d grant_type=client_credentials \\\n  --data-urlencode client_id={} --data-urlencode \"client_secret=$CLIENT_SECRET\"\n",
        word(&v.at(paths::TOKEN)),
        word(&v.client.id)
    );
    recipe("curl", "", "sh", text)
}

pub fn curl_introspect(v: &Values<'_>) -> Recipe {
    let text = format!(
        "curl {} --data-urlencode \"token=$TOKEN\" \\\n  --data-urlencode client_id={} --data-urlencode \"client_secret=$CLIENT_SECRET\"\n",
        word(&v.at(paths::INTROSPECT)),
        word(&v.client.id)
    );
    recipe("curl (introspection, RFC 7662)", "", "sh", text)
}

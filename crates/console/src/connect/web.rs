//! Apps on a server, which keep a secret.

use latchkey_protocol::paths;

use super::{Recipe, SECRET, Values, quoted, recipe};

pub fn openid_client(v: &Values<'_>) -> Recipe {
    let (issuer, id) = (quoted(v.issuer), v.id());
    let (redirect, scope) = (quoted(&v.redirect), quoted(&v.scope));
    let text = format!(
        "const config = await oidc.discovery(new URL({issuer}), {id}, process.env.CLIENT_SECRET)\n\
         const to = oidc.buildAuthorizationUrl(config, {{\n  redirect_uri: {redirect},\n  scope: {scope},\n  \
         code_challenge: await oidc.calculatePKCECodeChallenge(verifier),\n  code_challenge_method: 'S256',\n  state, nonce,\n}})\n"
    );
    recipe("openid-client (Node.js)", "openid-client", "app.mjs", text)
}

pub fn express(v: &Values<'_>) -> Recipe {
    let text = format!(
        "app.use(openid.auth({{\n  issuerBaseURL: {},\n  baseURL: {},\n  clientID: {},\n  clientSecret: process.env.CLIENT_SECRET,\n  \
         secret: process.env.SECRET,\n  idpLogout: true,\n  authorizationParams: {{ response_type: 'code', scope: {} }},\n}}))\n",
        quoted(v.issuer),
        quoted(&v.origin),
        v.id(),
        quoted(&v.scope)
    );
    Recipe {
        missing_redirect: v.missing("/callback"),
        ..recipe(
            "express-openid-connect (Node.js)",
            "express-openid-connect",
            "app.mjs",
            text,
        )
    }
}

pub fn auth_js(v: &Values<'_>) -> Recipe {
    let text = format!(
        "providers: [{{\n  id: 'latchkey',\n  name: 'Latchkey',\n  type: 'oidc',\n  issuer: {},\n  clientId: {},\n  \
         clientSecret: process.env.CLIENT_SECRET,\n  authorization: {{ params: {{ scope: {} }} }},\n  checks: ['pkce', 'state', 'nonce'],\n}}],\n",
        quoted(v.issuer),
        v.id(),
        quoted(&v.scope)
    );
    let next = v.missing("/api/auth/callback/latchkey");
    Recipe {
        // Next.js has the one, the other frameworks have the other.
        missing_redirect: v.missing("/auth/callback/latchkey").and(next),
        ..recipe(
            "Auth.js (Next.js, SvelteKit, Express)",
            "authjs",
            "auth.ts",
            text,
        )
    }
}

pub fn spring(v: &Values<'_>) -> Recipe {
    let text = format!(
        "spring:\n  security:\n    oauth2:\n      client:\n        registration:\n          latchkey:\n            client-id: {}\n            \
         client-secret: ${{CLIENT_SECRET}}\n            scope: {}\n        provider:\n          latchkey:\n            issuer-uri: {}\n            \
         user-name-attribute: sub\n",
        v.id(),
        v.scopes("[", "]"),
        quoted(v.issuer)
    );
    Recipe {
        missing_redirect: v.missing("/login/oauth2/code/latchkey"),
        ..recipe(
            "Spring Boot (Java)",
            "spring-boot",
            "application.yaml",
            text,
        )
    }
}

pub fn authlib(v: &Values<'_>) -> Recipe {
    let text = format!(
        "latchkey = OAuth(app).register(\n    \"latchkey\",\n    client_id={},\n    client_secret=os.environ[\"CLIENT_SECRET\"],\n    \
         server_metadata_url={},\n    client_kwargs={{\"scope\": {}, \"code_challenge_method\": \"S256\"}},\n)\n\
         latchkey.authorize_redirect({})\n",
        v.id(),
        quoted(&v.at(paths::OPENID_CONFIGURATION)),
        quoted(&v.scope),
        quoted(&v.redirect)
    );
    recipe(
        "Authlib (Flask, Django, FastAPI)",
        "authlib",
        "app.py",
        text,
    )
}

pub fn django(v: &Values<'_>) -> Recipe {
    let scope = v.scope.replace(" offline_access", "");
    let text = format!(
        "OIDC_RP_CLIENT_ID = {}\nOIDC_RP_CLIENT_SECRET = os.environ[\"CLIENT_SECRET\"]\nOIDC_OP_AUTHORIZATION_ENDPOINT = {}\n\
         OIDC_OP_TOKEN_ENDPOINT = {}\nOIDC_OP_USER_ENDPOINT = {}\nOIDC_OP_JWKS_ENDPOINT = {}\nOIDC_RP_SIGN_ALGO = {}\n\
         OIDC_RP_SCOPES = {}\nOIDC_USE_PKCE = True\n",
        v.id(),
        quoted(&v.at(paths::AUTHORIZE)),
        quoted(&v.at(paths::TOKEN)),
        quoted(&v.at(paths::USERINFO)),
        quoted(&v.at(paths::JWKS)),
        quoted(v.client.metadata.id_token_algorithm().name()),
        quoted(&scope)
    );
    Recipe {
        missing_redirect: v.missing("/oidc/callback/"),
        ..recipe(
            "mozilla-django-oidc (Django)",
            "mozilla-django-oidc",
            "settings.py",
            text,
        )
    }
}

pub fn go(v: &Values<'_>) -> Recipe {
    let text = format!(
        "provider, err := oidc.NewProvider(ctx, {})\nclient := oauth2.Config{{\n\tClientID:     {},\n\tClientSecret: os.Getenv(\"CLIENT_SECRET\"),\n\t\
         Endpoint:     provider.Endpoint(),\n\tRedirectURL:  {},\n\tScopes:       {},\n}}\n\
         verifier := provider.Verifier(&oidc.Config{{ClientID: client.ClientID}})\n",
        quoted(v.issuer),
        v.id(),
        quoted(&v.redirect),
        v.scopes("[]string{", "}")
    );
    recipe("go-oidc (Go)", "go-oidc", "main.go", text)
}

pub fn oauth2_proxy(v: &Values<'_>) -> Recipe {
    let text = format!(
        "provider = \"oidc\"\noidc_issuer_url = {}\nclient_id = {}\nclient_secret = {}\nredirect_url = {}\nscope = {}\n\
         code_challenge_method = \"S256\"\nemail_domains = [\"*\"]\ncookie_refresh = \"4m\"\n",
        quoted(v.issuer),
        v.id(),
        quoted(SECRET),
        quoted(&format!("{}/oauth2/callback", v.origin)),
        quoted(&v.scope)
    );
    Recipe {
        missing_redirect: v.missing("/oauth2/callback"),
        ..recipe("oauth2-proxy", "oauth2-proxy", "oauth2-proxy.cfg", text)
    }
}

pub fn apache(v: &Values<'_>) -> Recipe {
    let text = format!(
        "OIDCProviderMetadataURL {}\nOIDCClientID {}\nOIDCClientSecret {}\nOIDCRedirectURI {}\n\
         OIDCCryptoPassphrase \"exec:/usr/bin/openssl rand -base64 32\"\nOIDCScope {}\nOIDCPKCEMethod S256\n",
        quoted(&v.at(paths::OPENID_CONFIGURATION)),
        v.id(),
        quoted(SECRET),
        quoted(&v.redirect),
        quoted(&v.scope)
    );
    recipe(
        "mod_auth_openidc (Apache)",
        "mod_auth_openidc",
        "app.conf",
        text,
    )
}

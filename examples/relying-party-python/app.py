"""A relying party with Authlib. Open http://localhost:9103/ to sign in."""

import os
import secrets

from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.flask_client import OAuth
from flask import Flask, abort, request

ISSUER = os.environ.get("ISSUER", "http://localhost:8080")
app = Flask(__name__)
app.secret_key = secrets.token_bytes(32)
app.config["SESSION_COOKIE_SAMESITE"] = "Lax"  # on https: SESSION_COOKIE_SECURE as well
latchkey = OAuth(app).register(
    "latchkey",
    client_id=os.environ.get("CLIENT_ID", "example"),
    client_secret=os.environ.get("CLIENT_SECRET"),
    server_metadata_url=f"{ISSUER}/.well-known/openid-configuration",
    client_kwargs={"scope": "openid email", "code_challenge_method": "S256"},
)


@app.get("/")
def sign_in():
    # Authlib keeps state, nonce and PKCE verifier in the visitor's session.
    return latchkey.authorize_redirect("http://localhost:9103/callback")


@app.get("/callback")
def callback():
    if request.args.get("iss") != ISSUER:
        abort(400, "the answer is another provider's")  # RFC 9207
    try:
        tokens = latchkey.authorize_access_token()  # verifies state, PKCE, signature, nonce
    except OAuthError as refused:
        abort(400, f"{refused.error}: {refused.description}")
    user = latchkey.userinfo(token=tokens)
    return f"signed in: {tokens['userinfo']['sub']} {user['email']}\n"


if __name__ == "__main__":
    app.run("127.0.0.1", 9103)

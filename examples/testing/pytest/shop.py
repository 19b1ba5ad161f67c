"""An app with sign-in: what is tested. The tokens of its visitors stay in its own memory."""

import base64, hashlib, secrets, urllib.parse

import requests
from flask import Flask, abort, redirect, request, session


def create_app(issuer, client_id, client_secret):
    app = Flask(__name__)
    app.secret_key = secrets.token_bytes(32)
    visitors = {}
    provider = requests.get(f"{issuer}/.well-known/openid-configuration", timeout=5).json()

    def ask_for_tokens(tries, **form):
        for _ in range(tries):
            try:
                answer = requests.post(provider["token_endpoint"], form, auth=(client_id, client_secret), timeout=5)
            except requests.ConnectionError:
                continue
            if answer.status_code < 500:
                return answer
        abort(503)

    @app.get("/login")
    def login():
        session["state"], session["verifier"] = secrets.token_urlsafe(), secrets.token_urlsafe(48)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(session["verifier"].encode()).digest()).rstrip(b"=")
        asked = {"client_id": client_id, "redirect_uri": "http://localhost/callback", "response_type": "code", "state": session["state"],
                 "scope": "openid email offline_access", "code_challenge": challenge, "code_challenge_method": "S256"}
        return redirect(f"{provider['authorization_endpoint']}?{urllib.parse.urlencode(asked)}")

    @app.get("/callback")
    def callback():
        # The answer is this browser's (RFC 6749 10.12) and this provider's (RFC 9207 2.4).
        if request.args.get("state") != session.pop("state", None) or request.args.get("iss") != issuer:
            abort(400)
        answer = ask_for_tokens(1, grant_type="authorization_code", code=request.args.get("code"), code_verifier=session.pop("verifier"),
                                redirect_uri="http://localhost/callback")
        if answer.status_code != 200:
            abort(400)
        session["visitor"] = secrets.token_urlsafe()
        visitors[session["visitor"]] = answer.json()
        return redirect("/me")

    @app.get("/me")
    def me():
        tokens = visitors.get(session.get("visitor"))
        if not tokens:
            abort(401)
        user = userinfo(tokens)
        if user.status_code == 401:
            # The same refresh token may be sent again where an answer was lost: it gets the same answer.
            answer = ask_for_tokens(3, grant_type="refresh_token", refresh_token=tokens["refresh_token"])
            if answer.status_code != 200:
                del visitors[session.pop("visitor")]
                abort(401)
            tokens |= answer.json()
            user = userinfo(tokens)
        if user.status_code != 200:
            abort(503)
        return user.json()

    def userinfo(tokens):
        return requests.get(provider["userinfo_endpoint"], headers={"Authorization": f"Bearer {tokens['access_token']}"}, timeout=5)

    return app

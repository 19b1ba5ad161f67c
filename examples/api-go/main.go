// An API of orders, with go-oidc: it verifies access tokens by the published keys, with no call per request (RFC 9068 4).
// What the issuer ends early (a sign-out, a disabled user) it hears of within seconds, by status lists.
package main

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"log"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
)

type claims struct {
	Subject      string          `json:"sub"`
	ClientID     string          `json:"client_id"`
	ID           string          `json:"jti"`
	Scope        string          `json:"scope"`
	Roles        []string        `json:"roles"`
	Confirmation json.RawMessage `json:"cnf"`
	Status       *struct {
		List reference `json:"status_list"`
	} `json:"status"`
}

// verify says whose token it is.
func verify(ctx context.Context, verifier *oidc.IDTokenVerifier, lists *lists, token string) (*claims, error) {
	if headerType(token) != "at+jwt" {
		return nil, errors.New("not an access token") // keeps ID tokens out
	}
	good, err := verifier.Verify(ctx, token)
	if err != nil {
		return nil, err
	}
	var c claims
	if err := good.Claims(&c); err != nil || c.Subject == "" || c.ClientID == "" || c.ID == "" {
		return nil, errors.New("claims are missing")
	}
	if c.Confirmation != nil {
		return nil, errors.New("a sender-constrained token was sent as Bearer") // RFC 9449 7.1
	}
	if c.Status == nil {
		if lists.advertised {
			return nil, errors.New("the token has no status")
		}
	} else if err := lists.check(c.Status.List); err != nil {
		return nil, err
	}
	return &c, nil
}

// headerType is what a token says that it is.
func headerType(token string) string {
	var header struct {
		Type string `json:"typ"`
	}
	first, _, _ := strings.Cut(token, ".")
	raw, _ := base64.RawURLEncoding.DecodeString(first)
	if json.Unmarshal(raw, &header) != nil {
		return ""
	}
	return header.Type
}

// authenticated closes what lies behind it. Callers never hear what is wrong with a token, the log does.
func authenticated(verifier *oidc.IDTokenVerifier, lists *lists, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		if !strings.EqualFold(scheme, "Bearer") {
			refuse(w, http.StatusUnauthorized, `Bearer realm="orders"`)
			return
		}
		caller, err := verify(r.Context(), verifier, lists, token)
		if errors.Is(err, errNoList) || err != nil && strings.HasPrefix(err.Error(), "failed to verify signature: fetching keys ") {
			log.Print(err)
			w.Header().Set("Retry-After", "1")
			say(w, http.StatusServiceUnavailable, map[string]any{})
			return
		}
		if err != nil {
			log.Print("access token refused: ", err)
			refuse(w, http.StatusUnauthorized, `Bearer error="invalid_token"`)
			return
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), callerKey{}, caller)))
	})
}

type callerKey struct{}

func caller(r *http.Request) *claims { return r.Context().Value(callerKey{}).(*claims) }

// require is what a route asks of the caller; both: the app may (scope), and the user may (role, unless it is empty).
func require(scope, role string, next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		c := caller(r)
		if !slices.Contains(strings.Split(c.Scope, " "), scope) || (role != "" && !slices.Contains(c.Roles, role)) {
			refuse(w, http.StatusForbidden, `Bearer error="insufficient_scope", scope="`+scope+`"`)
			return
		}
		next(w, r)
	}
}

// refuse is an answer of RFC 6750 3.
func refuse(w http.ResponseWriter, status int, challenge string) {
	w.Header().Set("WWW-Authenticate", challenge)
	say(w, status, map[string]any{})
}

func say(w http.ResponseWriter, status int, body map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func main() {
	issuer := cmp.Or(os.Getenv("ISSUER"), "http://localhost:8080")
	audience := cmp.Or(os.Getenv("AUDIENCE"), "https://api.example.com")
	ctx := oidc.ClientContext(context.Background(), &http.Client{Timeout: 5 * time.Second})
	provider, err := oidc.NewProvider(ctx, issuer)
	if err != nil {
		log.Fatal(err)
	}
	// Of an access token the audience is the API.
	verifier := provider.Verifier(&oidc.Config{ClientID: audience, SupportedSigningAlgs: []string{oidc.RS256}})

	var metadata struct {
		Lists string `json:"status_list_aggregation_endpoint"`
	}
	if err := provider.Claims(&metadata); err != nil {
		log.Fatal(err)
	}
	known := &lists{advertised: metadata.Lists != "", verifier: provider.Verifier(&oidc.Config{SkipClientIDCheck: true, SupportedSigningAlgs: []string{oidc.RS256}})}

	closed := http.NewServeMux() // what there is not is closed too
	closed.HandleFunc("GET /me", func(w http.ResponseWriter, r *http.Request) {
		c := caller(r)
		say(w, http.StatusOK, map[string]any{"sub": c.Subject, "client_id": c.ClientID, "scope": c.Scope})
	})
	closed.HandleFunc("GET /orders", require("orders:read", "", func(w http.ResponseWriter, r *http.Request) {
		say(w, http.StatusOK, map[string]any{"orders": []int{1, 2}, "asked_by": caller(r).Subject})
	}))
	closed.HandleFunc("DELETE /orders/{id}", require("orders:write", "clerk", func(w http.ResponseWriter, r *http.Request) {
		say(w, http.StatusOK, map[string]any{"removed": r.PathValue("id"), "by": caller(r).Subject})
	}))
	all := http.NewServeMux()
	all.Handle("/", authenticated(verifier, known, closed))
	all.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		say(w, http.StatusOK, map[string]any{"orders": "GET /me, GET /orders, DELETE /orders/ID"})
	})
	log.Fatal(http.ListenAndServe("127.0.0.1:"+cmp.Or(os.Getenv("PORT"), "9104"), all))
}

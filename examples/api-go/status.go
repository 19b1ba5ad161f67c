package main

import (
	"bytes"
	"compress/zlib"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
)

// errNoList says that nothing can be decided.
var errNoList = errors.New("there is no status list that counts")

// reference is the bit of a token in a list that the issuer signs (Token Status List).
type reference struct {
	URI   string `json:"uri"`
	Index int    `json:"idx"`
}

type list struct {
	bits        []byte
	again, ends time.Time
}

type lists struct {
	advertised bool
	verifier   *oidc.IDTokenVerifier
	lock       sync.Mutex // one fetch for all who wait
	known      map[string]list
}

// check refuses what the issuer has ended early.
func (l *lists) check(r reference) error {
	l.lock.Lock()
	defer l.lock.Unlock()
	known := l.known[r.URI]
	if now := time.Now(); !now.Before(known.again) {
		fresh, err := l.fetch(r.URI)
		switch {
		case err == nil:
			known = fresh
		case now.Before(known.ends): // the one that is there counts until it ends
			known.again = now.Add(time.Second)
		default:
			return fmt.Errorf("%w: %v", errNoList, err)
		}
		if l.known == nil {
			l.known = map[string]list{}
		}
		l.known[r.URI] = known
	}
	if r.Index < 0 || r.Index >= 8*len(known.bits) {
		return errors.New("the token is in no list")
	}
	if known.bits[r.Index/8]>>(r.Index%8)&1 == 1 {
		return errors.New("the token was revoked")
	}
	return nil
}

func (l *lists) fetch(uri string) (list, error) {
	// Whoever asked first may go away: the others wait for this, too.
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	asked, err := http.NewRequestWithContext(ctx, http.MethodGet, uri, nil)
	if err != nil {
		return list{}, err
	}
	asked.Header.Set("Accept", "application/statuslist+jwt")
	answer, err := http.DefaultClient.Do(asked)
	if err != nil {
		return list{}, err
	}
	defer answer.Body.Close()
	token, err := io.ReadAll(io.LimitReader(answer.Body, 1_000_000))
	if err != nil || answer.StatusCode != http.StatusOK || headerType(string(token)) != "statuslist+jwt" {
		return list{}, fmt.Errorf("%s answers %s, and no status list (%v)", uri, answer.Status, err)
	}
	good, err := l.verifier.Verify(ctx, string(token))
	if err != nil {
		return list{}, err
	}
	var said struct {
		Seconds int `json:"ttl"`
		List    struct {
			Bits int    `json:"bits"`
			List string `json:"lst"`
		} `json:"status_list"`
	}
	if err := good.Claims(&said); err != nil || good.Subject != uri || said.List.Bits != 1 || said.Seconds < 1 {
		return list{}, fmt.Errorf("%s is not this list of single bits", uri)
	}
	compressed, err := base64.RawURLEncoding.DecodeString(said.List.List)
	if err != nil {
		return list{}, err
	}
	inflating, err := zlib.NewReader(bytes.NewReader(compressed))
	if err != nil {
		return list{}, err
	}
	bits, err := io.ReadAll(io.LimitReader(inflating, 131_073))
	if err != nil || len(bits) > 131_072 {
		return list{}, fmt.Errorf("%s is too large (%v)", uri, err)
	}
	return list{bits, time.Now().Add(time.Duration(said.Seconds) * time.Second), good.Expiry}, nil
}

package main

import (
	"bytes"
	"compress/zlib"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"net/http"
	"sync"
	"sync/atomic"
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

// list is what was fetched last. The times are of a clock that nobody sets.
type list struct {
	bits        []byte
	again, ends time.Time
	failed      bool
}

// entry is a list, which one request at a time fetches.
type entry struct {
	fetching sync.Mutex
	known    atomic.Pointer[list]
}

type lists struct {
	advertised bool
	verifier   *oidc.IDTokenVerifier
	lock       sync.Mutex
	entries    map[string]*entry
}

// check refuses what the issuer has ended early.
func (l *lists) check(r reference) error {
	known := l.current(r.URI)
	if !time.Now().Before(known.ends) {
		return fmt.Errorf("%w: %s", errNoList, r.URI)
	}
	if r.Index < 0 || r.Index >= 8*len(known.bits) {
		return errors.New("the token is in no list")
	}
	if known.bits[r.Index/8]>>(r.Index%8)&1 == 1 {
		return errors.New("the token was revoked")
	}
	return nil
}

func (l *lists) entry(uri string) *entry {
	l.lock.Lock()
	defer l.lock.Unlock()
	if l.entries[uri] == nil {
		now := time.Now()
		maps.DeleteFunc(l.entries, func(_ string, e *entry) bool {
			known := e.known.Load()
			return now.After(known.ends) && now.After(known.again)
		})
		if l.entries == nil {
			l.entries = map[string]*entry{}
		}
		l.entries[uri] = &entry{}
		l.entries[uri].known.Store(&list{again: now, ends: now})
	}
	return l.entries[uri]
}

// current is fetched by one request, and all wait for it. While the issuer is away none does: what is there counts until it ends.
func (l *lists) current(uri string) *list {
	e := l.entry(uri)
	known := e.known.Load()
	if time.Now().Before(known.again) {
		return known
	}
	if !known.failed {
		e.fetching.Lock()
	} else if !e.fetching.TryLock() {
		return known
	}
	defer e.fetching.Unlock()
	if known = e.known.Load(); time.Now().Before(known.again) {
		return known
	}
	fresh, err := l.fetch(uri)
	if err != nil {
		log.Print(uri, ": ", err)
		fresh = list{known.bits, time.Now().Add(time.Second), known.ends, true}
	}
	e.known.Store(&fresh)
	return &fresh
}

func (l *lists) fetch(uri string) (list, error) {
	// Whoever asked first may go away: the others wait for this, too.
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
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
	now, lives := time.Now(), time.Until(good.Expiry)
	return list{bits, now.Add(min(lives, time.Duration(said.Seconds)*time.Second)), now.Add(lives), false}, nil
}

package discovery

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// lookupTimeout bounds a question to the source.
	lookupTimeout = 5 * time.Second
	// retryEvery is how soon a source that failed, or knew nobody, is asked again.
	retryEvery = time.Second
)

// Cache remembers what a source said. It implements Resolver.
//
// Many who ask at once ask the source once. An answer is good for TTL; for as long again it is
// still given while a new one is fetched, so that calls do not wait for the source. After that it
// is worth waiting, for the addresses may be somebody else's by now. A source that fails is
// outlived: its last answer is given, however old, which is logged once, until it is back. But if
// it says that there are none (ErrNoInstances), that is believed. Make one per source; the services
// asked for are kept for ever, so their names must come from the configuration.
type Cache struct {
	Source Resolver
	TTL    time.Duration // default 5 s: CoreDNS's own for the names of a cluster
	Log    *slog.Logger  // hears when a source goes away and when it is back; default none

	failures atomic.Int64 // of the source
	mu       sync.Mutex
	entries  map[string]*entry
}

// entry is what is known of a service; its fields are guarded by the cache's lock.
type entry struct {
	instances []Instance
	err       error // ErrNoInstances, or why nothing is known yet
	known     bool  // the source has answered at least once
	away      bool  // it did not, the last time
	at        time.Time
	next      time.Time     // when to ask again
	flight    chan struct{} // closed when the question under way ends; nil without one
}

// Instances implements Resolver. It waits for the source only when nothing recent is known, and no
// longer than ctx allows.
func (c *Cache) Instances(ctx context.Context, service string) ([]Instance, error) {
	c.mu.Lock()
	if c.entries == nil {
		c.entries = map[string]*entry{}
	}
	e := c.entries[service]
	if e == nil {
		e = &entry{}
		c.entries[service] = e
	}
	now := time.Now()
	if now.Before(e.next) {
		defer c.mu.Unlock()
		return e.instances, e.err
	}
	if e.flight == nil {
		e.flight = make(chan struct{})
		go c.fetch(context.WithoutCancel(ctx), service, e)
	}
	if e.known && e.err == nil && (e.away || now.Sub(e.at) < 2*c.ttl()) {
		defer c.mu.Unlock()
		return e.instances, e.err
	}
	flight := e.flight
	c.mu.Unlock()
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-flight:
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return e.instances, e.err
}

func (c *Cache) fetch(ctx context.Context, service string, e *entry) {
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	instances, err := c.Source.Instances(ctx, service)
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	close(e.flight)
	e.flight = nil
	if err == nil && len(instances) == 0 {
		err = ErrNoInstances
	}
	if err == nil || errors.Is(err, ErrNoInstances) {
		if e.away {
			c.log().Info("the source of instances is back", "service", service, "instances", len(instances))
		}
		*e = entry{instances: instances, err: err, known: true, at: now, next: now.Add(c.ttl())}
		if err != nil {
			e.next = now.Add(min(retryEvery, c.ttl()))
		}
		return
	}
	c.failures.Add(1)
	e.next = now.Add(retryEvery)
	if !e.away {
		c.log().Warn("the source of instances fails; the last known are used", "service", service, "instances", len(e.instances), "error", err)
	}
	e.away = true
	if !e.known {
		e.err = err
	}
}

func (c *Cache) ttl() time.Duration {
	if c.TTL <= 0 {
		return 5 * time.Second
	}
	return c.TTL
}

func (c *Cache) log() *slog.Logger {
	if c.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return c.Log
}

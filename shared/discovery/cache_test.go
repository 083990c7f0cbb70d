package discovery_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/shared/discovery"
)

// source is a Resolver that a test steers.
type source struct {
	mu        sync.Mutex
	instances []discovery.Instance
	err       error
	takes     time.Duration
	asked     int
}

func (s *source) Instances(ctx context.Context, _ string) ([]discovery.Instance, error) {
	s.mu.Lock()
	s.asked++
	takes := s.takes
	s.mu.Unlock()
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(takes):
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.instances, s.err
}

func (s *source) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

func (s *source) times() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked
}

var (
	one     = []discovery.Instance{{"10.0.0.1", 8001}}
	two     = []discovery.Instance{{"10.0.0.1", 8001}, {"10.0.0.2", 8001}}
	errAway = errors.New("the source is away")
)

func found(t *testing.T, c *discovery.Cache, want []discovery.Instance) {
	t.Helper()
	got, err := c.Instances(t.Context(), "auth")
	require.NoError(t, err)
	require.Equal(t, want, got)
}

func TestCache_ManyAskAtOnce_TheSourceIsAskedOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &source{instances: one, takes: 100 * time.Millisecond}
		c := &discovery.Cache{Source: s, TTL: 5 * time.Second}
		var group sync.WaitGroup
		for range 50 {
			group.Go(func() { found(t, c, one) })
		}
		group.Wait()
		require.Equal(t, 1, s.times())
		time.Sleep(4 * time.Second)
		found(t, c, one)
		require.Equal(t, 1, s.times(), "still fresh")
	})
}

func TestCache_OldAnswer_IsGivenWhileANewOneIsFetched(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &source{instances: one}
		c := &discovery.Cache{Source: s, TTL: 5 * time.Second}
		found(t, c, one)
		s.set(func() { s.instances, s.takes = two, time.Second })
		time.Sleep(6 * time.Second)
		began := time.Now()
		found(t, c, one)
		require.Zero(t, time.Since(began), "nobody waits for the source")
		time.Sleep(2 * time.Second)
		found(t, c, two)
		require.Equal(t, 2, s.times())

		s.set(func() { s.instances = one })
		time.Sleep(time.Hour)
		found(t, c, one) // an hour old: what was true then is worth waiting for the truth
	})
}

func TestCache_SourceAway_ServesTheLastKnownAndSaysSoOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var logged bytes.Buffer
		s := &source{instances: two}
		c := &discovery.Cache{Source: s, TTL: 5 * time.Second, Log: slog.New(slog.NewTextHandler(&logged, nil))}
		found(t, c, two)
		s.set(func() { s.err, s.instances = errAway, nil })
		for range 60 {
			time.Sleep(10 * time.Second)
			found(t, c, two)
		}
		synctest.Wait()
		require.Greater(t, s.times(), 30, "it is asked again and again")
		require.Equal(t, 1, strings.Count(logged.String(), "level=WARN"), logged.String())

		s.set(func() { s.takes = time.Hour })
		time.Sleep(10 * time.Second)
		began := time.Now()
		found(t, c, two)
		require.Zero(t, time.Since(began), "known to be away, it is waited for no more")
		synctest.Wait()

		s.set(func() { s.err, s.instances, s.takes = nil, one, 0 })
		time.Sleep(time.Minute) // the question that hangs is given up
		found(t, c, two)
		synctest.Wait()
		found(t, c, one)
		require.Equal(t, 1, strings.Count(logged.String(), "level=INFO"), "it is back")
		c.Source.(*source).set(func() { s.err = errAway })
		time.Sleep(8 * time.Second)
		found(t, c, one)
		synctest.Wait()
		require.Equal(t, 2, strings.Count(logged.String(), "level=WARN"), "away once more")
	})
}

func TestCache_NothingKnownYet_FailsAndAsksAgainSoon(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &source{err: errAway}
		c := &discovery.Cache{Source: s, TTL: time.Minute}
		for range 5 {
			_, err := c.Instances(t.Context(), "auth")
			require.ErrorIs(t, err, errAway)
		}
		require.Equal(t, 1, s.times(), "a source that fails is not asked for each call")
		s.set(func() { s.err, s.instances = nil, one })
		time.Sleep(time.Second + 1)
		found(t, c, one)
	})
}

func TestCache_NoInstances_IsBelievedAndAskedAgainSoon(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &source{instances: one}
		c := &discovery.Cache{Source: s, TTL: 5 * time.Second}
		found(t, c, one)
		s.set(func() { s.instances, s.err = nil, discovery.ErrNoInstances })
		time.Sleep(time.Minute)
		_, err := c.Instances(t.Context(), "auth")
		require.ErrorIs(t, err, discovery.ErrNoInstances, "the old ones may be somebody else by now")
		s.set(func() { s.instances, s.err = two, nil })
		time.Sleep(time.Second + 1)
		found(t, c, two)
	})
}

func TestCache_CallerGivesUp_TheAnswerIsKeptForTheNext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &source{instances: one, takes: time.Second}
		c := &discovery.Cache{Source: s, TTL: 5 * time.Second}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		_, err := c.Instances(ctx, "auth")
		require.ErrorIs(t, err, context.DeadlineExceeded)
		found(t, c, one)
		require.Equal(t, 1, s.times())
	})
}

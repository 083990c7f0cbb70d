package soak_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/testing/soak"
)

// halfAnHour is a sample every ten seconds of a process that grows to its size in five minutes and then breathes.
func halfAnHour(change func(at float64, s *soak.Sample)) []soak.Sample {
	var all []soak.Sample
	for at := 0.0; at <= 1800; at += 10 {
		breath := int64(math.Sin(at) * (2 << 20))
		s := soak.Sample{At: at, RSS: 80<<20 + breath + int64(min(at, 300)*(100<<10)), Goroutines: 60, Files: 40, Sessions: 20}
		if change != nil {
			change(at, &s)
		}
		all = append(all, s)
	}
	return all
}

func TestJudge_WhatBreathes_DoesNotGrow(t *testing.T) {
	t.Parallel()
	require.Empty(t, soak.Judge(halfAnHour(nil), 5*time.Minute))
	require.InDelta(t, 0, soak.MemoryPerMinute(halfAnHour(nil)[31:]), 100<<10)
}

func TestJudge_WhatGrows_IsTold(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(at float64, s *soak.Sample){
		"memory":     func(at float64, s *soak.Sample) { s.RSS += int64(at / 60 * (1100 << 10)) },
		"goroutines": func(at float64, s *soak.Sample) { s.Goroutines += int(at / 60) },
		"files":      func(at float64, s *soak.Sample) { s.Files += int(at / 60) },
		"sessions":   func(at float64, s *soak.Sample) { s.Sessions += int(at / 60) },
	} {
		found := soak.Judge(halfAnHour(change), 5*time.Minute)
		require.Len(t, found, 1, want)
		require.Contains(t, found[0], want)
	}
}

func TestJudge_TooFewSamples_ProveNothing(t *testing.T) {
	t.Parallel()
	found := soak.Judge(halfAnHour(nil)[:40], 5*time.Minute)
	require.Len(t, found, 1)
	require.Contains(t, found[0], "too short")
}

package soak

import (
	"fmt"
	"slices"
	"time"
)

// Sample is what a process holds at one moment.
type Sample struct {
	At         float64 `json:"at"` // seconds since the load began
	RSS        int64   `json:"rss_bytes"`
	Goroutines int     `json:"goroutines"`
	Files      int     `json:"files"`    // descriptors
	Sessions   int     `json:"sessions"` // of PostgreSQL
}

// MostMemory is how many bytes a minute a process may grow by, once it is warm.
const MostMemory = 1 << 20

// fewest samples say nothing about growth.
const fewest = 30

// Judge says what grew after the warm-up: memory by its slope, the others by comparing the first third
// with the last. Nothing means that all stayed as it was.
func Judge(all []Sample, warmUp time.Duration) (grew []string) {
	warm := Warm(all, warmUp)
	if len(warm) < fewest {
		return []string{fmt.Sprintf("too short: %d samples after the warm-up, at least %d are needed", len(warm), fewest)}
	}
	if slope := MemoryPerMinute(warm); slope >= MostMemory {
		grew = append(grew, fmt.Sprintf("memory: %+.2f MB a minute", slope/(1<<20)))
	}
	for _, held := range []struct {
		name string
		of   func(Sample) int
	}{
		{"goroutines", func(s Sample) int { return s.Goroutines }},
		{"files", func(s Sample) int { return s.Files }},
		{"sessions", func(s Sample) int { return s.Sessions }},
	} {
		first, last := median(warm[:len(warm)/3], held.of), median(warm[len(warm)-len(warm)/3:], held.of)
		if last > first+first/10+5 {
			grew = append(grew, fmt.Sprintf("%s: from %d to %d", held.name, first, last))
		}
	}
	return grew
}

// Warm are the samples after the warm-up.
func Warm(all []Sample, warmUp time.Duration) []Sample {
	from := slices.IndexFunc(all, func(s Sample) bool { return s.At > warmUp.Seconds() })
	if from < 0 {
		return nil
	}
	return all[from:]
}

// MemoryPerMinute is the slope of the line through the samples, by least squares, in bytes.
func MemoryPerMinute(all []Sample) float64 {
	var n, x, y, xx, xy float64
	for _, s := range all {
		at, rss := s.At/60, float64(s.RSS)
		n, x, y, xx, xy = n+1, x+at, y+rss, xx+at*at, xy+at*rss
	}
	spread := n*xx - x*x
	if spread == 0 {
		return 0
	}
	return (n*xy - x*y) / spread
}

func median(all []Sample, of func(Sample) int) int {
	values := make([]int, len(all))
	for i, s := range all {
		values[i] = of(s)
	}
	slices.Sort(values)
	return values[len(values)/2]
}
